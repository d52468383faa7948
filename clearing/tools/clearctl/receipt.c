/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl receipt save|verify. */
#include "peer/receipt.h"

#include <errno.h>
#include <string.h>

#include "node/crypto.h"
#include "node/file.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/draft.h"
#include "tools/clearctl/verbs.h"

#define PATH_SIZE 128

/* ---- save */

/*
 * Why there is no receipt: the payment was refused, or its answer is not as
 * safe yet as a receipt wants it.
 */
static void explain(struct session *session, struct failure *failure)
{
	const char *text = session_operand(session, 0);
	struct failure unknown;
	json_t *answer = NULL;
	const char *state;

	if (strcmp(failure->reason, "PAYMENT_UNKNOWN") == 0)
		answer = session_try(session, RPC_GET_PAYMENT,
				     json_pack("{s:s}", "id", text), &unknown);
	if (answer == NULL) {
		(void)session_fail(session, failure);
		return;
	}
	state = field_text(json_object_get(answer, "payment"), "state");
	if (strcmp(state, "REFUSED") == 0)
		*failure = (struct failure){ CTL_REFUSED, "FAILED_PRECONDITION",
					     "NOT_PAID",
					     "the payment was refused: there "
					     "is nothing to prove",
					     false };
	else
		*failure = (struct failure){ CTL_NO_ANSWER, "UNAVAILABLE",
					     "NOT_YET",
					     "there is no receipt yet: the "
					     "payment has not ended, or the "
					     "neighbour has not confirmed that "
					     "it has the answer",
					     true };
	(void)session_fail(session, failure);
	json_decref(answer);
}

static int write_receipt(struct session *session, const json_t *answer,
			 const char *path)
{
	uint8_t terms[LINKLOG_TERMS_SIZE_MAX], proof[LINKLOG_PROOF_SIZE_MAX],
		file[RECEIPT_SIZE_MAX];
	size_t terms_size = 0, proof_size = 0;
	struct buffer out;

	if (!hex_parse(field_text(answer, "terms"), terms, sizeof(terms),
		       &terms_size) ||
	    !hex_parse(field_text(answer, "proof"), proof, sizeof(proof),
		       &proof_size) ||
	    terms_size == 0 || proof_size == 0)
		return session_fail(session,
				    &(struct failure){ CTL_NO_ANSWER,
						       "INTERNAL", "MALFORMED",
						       "the answer cannot be "
						       "read",
						       true });
	buffer_init(&out, file, sizeof(file));
	receipt_encode(&out, slice_of(terms, terms_size),
		       slice_of(proof, proof_size));
	check(!out.overflowed);
	if (!file_write(path, buffer_view(&out)))
		return session_lost_file(session, "%s: %s", path,
					 strerror(errno));
	if (session->json)
		return session_print(json_pack("{s:s, s:s}", "id",
					       session_operand(session, 0),
					       "file", path));
	printf("wrote %s: `clearctl receipt verify %s --roster FILE` checks "
	       "it\n",
	       path, path);
	return CTL_DONE;
}

int verb_receipt_save(struct session *session)
{
	const char *text = session_operand(session, 0);
	const char *path = session_value(session, "out");
	char default_path[PATH_SIZE];
	struct failure failure;
	json_t *answer;
	struct id id;

	if (!id_parse(slice_from_text(text), &id))
		return session_misuse(session, "'%s' is no UUID", text);
	snprintf(default_path, sizeof(default_path), "%s.receipt", text);
	answer = session_try(session, RPC_GET_RECEIPT,
			     json_pack("{s:s, s:I}", "id", text, "min_position",
				       (json_int_t)session->node.position),
			     &failure);
	if (answer == NULL) {
		explain(session, &failure);
		return session->status;
	}
	session->status = write_receipt(session, answer,
					path != NULL ? path : default_path);
	json_decref(answer);
	return session->status;
}

/* ---- verify */

static json_t *json_of_id(const uint8_t bytes[LINKLOG_ID_SIZE])
{
	char text[ID_TEXT_SIZE];
	struct buffer out;
	struct id id;

	memcpy(id.bytes, bytes, ID_SIZE);
	buffer_init(&out, text, sizeof(text));
	id_print(&out, &id);
	return json_stringn(text, sizeof(text));
}

static json_t *json_of_reference(struct slice reference)
{
	char hex[2 * LINKLOG_REFERENCE_SIZE_MAX + 1];

	if (reference.size == 0)
		return json_null();
	if (reference.size == LINKLOG_ID_SIZE)
		return json_of_id(reference.data);
	return json_string(hex_text(reference, hex));
}

static json_t *receipt_document(const struct receipt *receipt,
				const struct roster *roster)
{
	const struct payment_terms *terms = &receipt->terms;
	json_t *path = json_array();

	for (uint32_t i = 0; i < terms->path_count; i++)
		json_array_append_new(path, json_of_slice(terms->path[i]));
	return json_pack(
		"{s:b, s:s, s:o, s:o, s:o, s:I, s:o, s:i, s:o, s:o, s:o, s:o, "
		"s:I, s:o, s:I}",
		"valid", 1, "result", receipt_result_name(RECEIPT_SOUND), "id",
		json_of_id(terms->payment_id), "payer",
		json_of_slice(terms->payer), "payee",
		json_of_slice(terms->payee), "amount_minor",
		(json_int_t)terms->amount_minor, "unit",
		json_of_slice(roster->unit), "decimals", (int)roster->decimals,
		"federation", json_of_slice(roster->federation), "path", path,
		"decided_by", json_of_slice(receipt->header.author), "key_id",
		json_of_slice(receipt->proof.key_id), "recorded_us",
		(json_int_t)receipt->header.recorded_us, "reference",
		json_of_reference(terms->reference), "roster_version",
		(json_int_t)roster->version);
}

static int tell_sound(struct session *session, const struct receipt *receipt,
		      const struct roster *roster)
{
	json_t *document = receipt_document(receipt, roster);

	if (session->json)
		return session_print(document);
	session->node.decimals = roster->decimals;
	puts("sound: the payment was posted");
	print_pairs(session, document);
	puts("(recorded: by that city's clock, for information only)");
	json_decref(document);
	return CTL_DONE;
}

static int tell_unsound(struct session *session, enum receipt_result result)
{
	return session_fail(
		session,
		&(struct failure){ CTL_REFUSED, "FAILED_PRECONDITION",
				   receipt_result_name(result),
				   receipt_result_sentence(result), false });
}

static int verify(struct session *session, struct slice file,
		  const struct roster *roster)
{
	struct receipt receipt;
	enum receipt_result result = receipt_decode(file, &receipt);

	if (result != RECEIPT_SOUND)
		return session_lost_file(session, "%s: %s",
					 session_operand(session, 0),
					 receipt_result_sentence(result));
	result = receipt_verify(&receipt, roster, crypto_sha256, crypto_verify);
	return result == RECEIPT_SOUND ? tell_sound(session, &receipt, roster)
				       : tell_unsound(session, result);
}

int verb_receipt_verify(struct session *session)
{
	const char *path = session_operand(session, 0);
	const char *roster = session_value(session, "roster");
	struct slice file = { 0 };
	struct draft draft = { 0 };

	if (roster == NULL)
		return session_misuse(session, "give --roster FILE, the "
					       "federation's");
	if (!file_read(path, RECEIPT_SIZE_MAX, &file))
		return session_lost_file(session, "%s: %s", path,
					 strerror(errno));
	if (draft_open_beside(&draft, session, roster))
		session->status = verify(session, file, draft.roster);
	draft_release(&draft);
	file_release(&file);
	return session->status;
}
