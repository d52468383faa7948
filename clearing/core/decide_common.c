/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/decide_common.h"

#include "base/utf8.h"

uint32_t decide_id(const struct ledger *ledger, struct slice bytes,
		   uint64_t now_us, struct id *out)
{
	if (!id_from_bytes(bytes, out))
		return DECIDE_ID_MALFORMED;
	switch (idwindow_place(&ledger->ids, out, now_us)) {
	case IDWINDOW_INSIDE:
		return 0;
	case IDWINDOW_TOO_OLD:
		return DECIDE_ID_TOO_OLD;
	case IDWINDOW_IN_FUTURE:
		return DECIDE_ID_IN_FUTURE;
	}
	clearing_panic(__FILE__, __LINE__, "idwindow place");
}

static bool same_content(struct hash128 recorded, struct hash128 sent)
{
	/* Zero: the memo was erased, so the id alone has to do. */
	return hash128_equal(recorded, (struct hash128){ 0 }) ||
	       hash128_equal(recorded, sent);
}

bool decide_recorded(const struct ledger *ledger, const struct id *id,
		     uint8_t kind, struct hash128 content, struct decision *out)
{
	const struct remembered *found = idwindow_find(&ledger->ids, id);

	*out = (struct decision){ .content = content };
	if (found == NULL)
		return false;
	if (found->kind != kind || !same_content(found->content, content)) {
		decide_refuse(out, DECIDE_ID_CONFLICT);
		return true;
	}
	out->verdict = VERDICT_RECORDED;
	out->seq = found->seq;
	out->number = found->number;
	return true;
}

void decide_refuse(struct decision *out, uint32_t refusal)
{
	check(refusal > 0);
	*out = (struct decision){ .refusal = refusal };
}

void decide_refuse_amount(struct decision *out, uint32_t refusal,
			  struct money limit, struct money value)
{
	decide_refuse(out, refusal);
	out->limit = limit;
	out->value = value;
}

void decide_accept(struct decision *out)
{
	check(out->refusal == 0);
	out->verdict = VERDICT_ACCEPTED;
}

bool decide_text(struct slice text, size_t size_min, size_t size_max)
{
	return text.size >= size_min && text.size <= size_max &&
	       utf8_printable(text);
}

uint32_t ledger_resolve(const struct ledger *ledger,
			const struct account_ref *ref,
			const struct account **out)
{
	struct address address;

	*out = NULL;
	if (ref->address.size == 0) {
		if (ref->id == 0)
			return DECIDE_ADDRESS_MALFORMED;
		*out = ledger_account(ledger, ref->id);
		return 0;
	}
	if (!address_parse(ref->address, &address))
		return DECIDE_ADDRESS_MALFORMED;
	if (!slice_equal(address.city,
			 slice_of(ledger->city, ledger->city_size)))
		return DECIDE_ADDRESS_OTHER_CITY;
	*out = ledger_account_at(ledger, address.local);
	return 0;
}
