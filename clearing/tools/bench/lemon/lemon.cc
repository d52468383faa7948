// SPDX-License-Identifier: AGPL-3.0-or-later
// clearbench-lemon: a second opinion on set-offs, by LEMON's solvers, and what
// they take. A program of its own: nothing of the product is C++.
//
//   clearbench-lemon cost-scaling|network-simplex SECONDS < OBLIGATIONS
//
// Prints what is cleared, seconds of the solver alone, and KiB that the
// process grew by. Ends by SIGALRM after SECONDS.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <lemon/cost_scaling.h>
#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

using lemon::SmartDigraph;

namespace
{

struct obligation {
	unsigned debtor, creditor;
	std::int64_t amount;
};

struct obligations {
	unsigned nodes = 0;
	std::vector<obligation> list;
};

bool read_input(obligations &input)
{
	unsigned count;

	if (std::scanf("p obligations %u %u", &input.nodes, &count) != 2)
		return false;
	input.list.resize(count);
	for (obligation &one : input.list) {
		long long amount;

		if (std::scanf("%u %u %lld", &one.debtor, &one.creditor,
			       &amount) != 3)
			return false;
		one.amount = amount;
	}
	return true;
}

// Of this program alone: getrusage() would count what stood here before exec.
long peak_kib()
{
	std::ifstream status("/proc/self/status");
	std::string word;
	long kib = 0;

	while (status >> word) {
		if (word == "VmHWM:")
			status >> kib;
	}
	return kib;
}

template <class Solver> int solve(const obligations &input)
{
	long before = peak_kib();
	SmartDigraph graph;
	SmartDigraph::ArcMap<std::int64_t> capacity(graph), cost(graph);
	SmartDigraph::NodeMap<std::int64_t> supply(graph);
	std::int64_t total = 0;

	graph.reserveNode(int(input.nodes));
	graph.reserveArc(int(input.list.size()));
	for (unsigned i = 0; i < input.nodes; i++)
		graph.addNode();
	for (const obligation &one : input.list) {
		SmartDigraph::Node debtor = graph.nodeFromId(int(one.debtor));
		SmartDigraph::Node creditor =
			graph.nodeFromId(int(one.creditor));
		SmartDigraph::Arc arc = graph.addArc(debtor, creditor);

		capacity[arc] = one.amount;
		cost[arc] = 1;
		supply[debtor] += one.amount;
		supply[creditor] -= one.amount;
		total += one.amount;
	}
	Solver solver(graph);
	solver.upperMap(capacity).costMap(cost).supplyMap(supply);
	auto begun = std::chrono::steady_clock::now();
	if (solver.run() != Solver::OPTIMAL)
		return 1;
	std::chrono::duration<double> took =
		std::chrono::steady_clock::now() - begun;
	std::printf("%lld %.6f %ld\n",
		    (long long)(total -
				solver.template totalCost<std::int64_t>()),
		    took.count(), peak_kib() - before);
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	obligations input;

	if (argc != 3 || std::atoi(argv[2]) < 1)
		return 2;
	alarm(unsigned(std::atoi(argv[2])));
	if (!read_input(input))
		return 2;
	if (std::strcmp(argv[1], "cost-scaling") == 0)
		return solve<lemon::CostScaling<SmartDigraph, std::int64_t,
						std::int64_t>>(input);
	if (std::strcmp(argv[1], "network-simplex") == 0)
		return solve<lemon::NetworkSimplex<SmartDigraph, std::int64_t,
						   std::int64_t>>(input);
	return 2;
}
