/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* link.pml - one direction of a link with explicit messages.
 *
 * Author A writes a log, receiver B keeps the copy.  Every message ever sent
 * stays in the network for ever and can arrive any number of times in any
 * order (loss, delay, duplication, reordering, and processes of former lives
 * that still send).  A crashes, and is restored from any earlier prefix; B
 * crashes (its session is volatile, its copy and the highest incarnation are
 * durable).  Property: from the moment A's present life has reconciled, B's
 * copy is a prefix of A's log, and stays one; entries of B never change.
 * Flags: LIVES, RESTORES, L, MUT_NOFENCE, MUT_NOCHAIN, MUT_SAMEINC.
 */
#ifndef L
#define L 3
#endif
#ifndef LIVES
#define LIVES 4           /* lives 0..LIVES-1 */
#endif
#ifndef RESTORES
#define RESTORES 2
#endif
#ifndef BCR
#define BCR 1
#endif
#define Z(l,i) ((l)*L+(i))

/* A durable */
byte log[L], n, num;
/* A volatile: 0 started, 1 reconciled */
bit rec; byte life;
byte s_log[L], s_n, s_num; bit snapped; byte restores;
/* B durable */
byte copy[L], m, hi_num, hi_life = 255;
/* B volatile */
bit sess; byte bcr;
/* network: monotone */
bit hello[LIVES]; byte hnum[LIVES];       /* Hello{num} of a life */
byte okset[LIVES];                        /* HelloOk{m} answers, a bit per m */
byte stale[LIVES];                        /* HelloStale{highest} */
byte sent[LIVES*L];                       /* Deliver: entry i of a life's log */
byte i, x; bit good;

inline prefix_ok() {          /* B.copy is a prefix of A.log */
	good = (m <= n); i = 0;
	do :: good && i < m -> if :: copy[i] != log[i] -> good = 0 :: else fi; i++
	   :: else -> break od; i = 0
}
inline check() { prefix_ok(); assert(!rec || good); good = 0 }
inline newlife() { life++; rec = 0 }

#define HELLO(l) \
	:: d_step { hello[l] -> \
		if \
		:: FENCE(l) -> hi_num = hnum[l]; hi_life = l; sess = 1; \
			okset[l] = okset[l] | (1 << m) \
		:: else -> stale[l] = hi_num \
		fi; check() }
#ifdef MUT_SAMEINC        /* an equal number of another life is let in */
#define FENCE(l) (hnum[l] >= hi_num || hi_life == 255)
#else
#define FENCE(l) (hnum[l] > hi_num || (hnum[l] == hi_num && hi_life == l))
#endif
#ifdef MUT_NOFENCE        /* batches of any incarnation are taken */
#define CURRENT(l) 1
#else
#define CURRENT(l) (sess && hi_life == l)
#endif
/* chain: the sent log of that life agrees with B's copy below i */
#if L == 2
#define CHAIN(l,k) ((k)<1 || sent[Z(l,0)]==copy[0])
#else
#define CHAIN(l,k) (((k)<1 || sent[Z(l,0)]==copy[0]) && ((k)<2 || sent[Z(l,1)]==copy[1]))
#endif
#ifdef MUT_NOCHAIN
#define CHAINED(l,k) 1
#else
#define CHAINED(l,k) CHAIN(l,k)
#endif
#define DELIVER(l,k) \
	:: d_step { sent[Z(l,k)] && CURRENT(l) && m == k && CHAINED(l,k) -> \
		copy[k] = sent[Z(l,k)]; m++; check() }
#define OK(k) \
	:: d_step { !rec && (okset[life] & (1 << (k))) -> \
		/* withdraw what was replaced or (rewound) never arrived; adopt */ \
		i = 0; \
		do :: i < k && i < n && log[i] == copy[i] -> i++ :: else -> break od; \
		do :: n > i && i < k -> n--; log[n] = 0 :: else -> break od; \
		do :: n < k -> log[n] = copy[n]; n++ :: else -> break od; \
		i = 0; rec = 1; check() }
#define SEND(k) \
	:: d_step { rec && k < n && !sent[Z(life,k)] && (k == 0 || sent[Z(life,k-1)]) -> \
		sent[Z(life,k)] = log[k] }

active proctype world() {
	num = 1;
	do
	/* A: a start raises the incarnation durably, then Hello */
	:: d_step { !hello[life] -> hello[life] = 1; hnum[life] = num }
	:: d_step { !rec && stale[life] >= num && life < LIVES-1 -> \
		num = stale[life] + 1; newlife() }
	OK(0) OK(1) OK(2)
#if L > 2
	OK(3)
#endif
	:: d_step { rec && n < L -> log[n] = life + 1; n++ }
	SEND(0) SEND(1)
#if L > 2
	SEND(2)
#endif
	/* A: crash (journal kept), backup, restore */
	:: d_step { life < LIVES-1 -> num++; newlife() }
	:: d_step { !snapped -> snapped = 1; s_n = n; s_num = num; i = 0;
		do :: i < L -> s_log[i] = log[i]; i++ :: else -> break od; i = 0 }
	:: d_step { restores < RESTORES && life < LIVES-1 -> restores++; n = s_n; num = s_num + 1; i = 0;
		do :: i < L -> log[i] = s_log[i]; i++ :: else -> break od; i = 0; newlife() }
	/* B */
	HELLO(0) HELLO(1) HELLO(2)
#if LIVES > 3
	HELLO(3)
#endif
	DELIVER(0,0) DELIVER(0,1) DELIVER(1,0) DELIVER(1,1) DELIVER(2,0) DELIVER(2,1)
#if L > 2
	DELIVER(0,2) DELIVER(1,2) DELIVER(2,2)
#endif
#if LIVES > 3
	DELIVER(3,0) DELIVER(3,1)
#if L > 2
	DELIVER(3,2)
#endif
#endif
	:: d_step { bcr < BCR -> bcr++; sess = 0 }
	od
}
