/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/hledger.h"

#include <ctype.h>
#include <string.h>

#include "tools/clearctl/documents.h"
#include "tools/clearctl/render.h"

static bool is_control(char byte)
{
	return (unsigned char)byte < 0x20 || byte == 0x7f;
}

void hledger_name(FILE *out, const char *name)
{
	char before = ' ';

	/* A leading mark would be a status, a bracket a virtual posting. */
	if (name[0] != '\0' && strchr("!*([;~=", name[0]) != NULL)
		putc('_', out);
	for (; *name != '\0'; name++) {
		char byte = *name;

		if (is_control(byte) || byte == ';' ||
		    (byte == ' ' && (before == ' ' || name[1] == '\0')))
			byte = '_';
		putc(byte, out);
		before = byte;
	}
}

void hledger_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		putc(*text == ';' ? ',' : is_control(*text) ? ' ' : *text, out);
}

void hledger_unit(FILE *out, const char *unit)
{
	bool plain = unit[0] != '\0';

	for (const char *at = unit; *at != '\0'; at++)
		plain = plain && isalpha((unsigned char)*at);
	fprintf(out, plain ? "%s" : "\"%s\"", unit);
}

void hledger_opening(FILE *out, const char *unit, uint32_t decimals,
		     const json_t *accounts)
{
	fputs("decimal-mark .\n\ncommodity 1000.", out);
	for (uint32_t i = 0; i < decimals; i++)
		putc('0', out);
	putc(' ', out);
	hledger_unit(out, unit);
	fputs("\n\n", out);
	for (size_t i = 0; i < json_array_size(accounts); i++) {
		fputs("account ", out);
		hledger_name(out, field_text(json_array_get(accounts, i),
					     "address"));
		putc('\n', out);
	}
	putc('\n', out);
}

static void posting(FILE *out, const char *name, int64_t minor,
		    const char *unit, uint32_t decimals)
{
	char amount[AMOUNT_TEXT_SIZE];

	fputs("    ", out);
	hledger_name(out, name);
	fprintf(out, "  %s ", amount_text(minor, decimals, amount));
	hledger_unit(out, unit);
	putc('\n', out);
}

void hledger_transfer(FILE *out, const char *unit, uint32_t decimals,
		      const json_t *transfer)
{
	int64_t minor = field_number(transfer, "amount_minor");
	char when[TIME_TEXT_SIZE];

	/* The day is the first ten characters of the time. */
	fprintf(out, "%.10s * (%s) ",
		time_text(field_number(transfer, "posted_at_us"), when),
		field_text(transfer, "id"));
	hledger_text(out, field_text(transfer, "memo"));
	fprintf(out, "  ; entry %lld, position %lld, %s, by %s\n",
		(long long)field_number(transfer, "number"),
		(long long)field_number(transfer, "position"),
		field_text(transfer, "kind"), field_text(transfer, "actor"));
	posting(out, field_text(transfer, "debit_address"), -minor, unit,
		decimals);
	posting(out, field_text(transfer, "credit_address"), minor, unit,
		decimals);
	putc('\n', out);
}
