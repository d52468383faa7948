/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* round.pml - one attempt of a clearing round between three cities.
 *
 * Leg c: city c (debtor of the leg) promises to city c+1 (creditor).  Legs are
 * ordinary link-log entries: Prepare by the debtor; Settle or Release by the
 * creditor, only on a certificate.  Coordinator sits at city 0, witness at
 * city 1.  A certificate is a verdict signed by both; each records before it
 * signs and signs one verdict only.  Direct messages stay in the network for
 * ever (loss, delay, duplication, reordering).
 * Flags: RW (city restored once from any earlier prefix; 9 none), GONE (the
 * coordinator may die for ever and the roster says so), MUT_*.
 * READY needs both conditions in the rules; either alone is enough for
 * agreement, the second is what makes the line check possible.
 */
#ifndef RW
#define RW 9
#endif
#ifndef CR
#define CR 1
#endif
#define COMMIT 1
#define ABORT 2
#define NEXT(c) (((c)+1)%3)
#define PREV(c) (((c)+2)%3)

/* durable, per city */
byte prep[3], held[3], accd[3], struck[3], cert[3], res[3], got[3];
byte cdec, wdec; bit prop; bit solo;
/* volatile: link logs reconciled in this life, towards next / previous city */
bit recn[3], recp[3];
byte cr = CR; bit snapped, rwdone, gone;
byte s_prep, s_held, s_accd, s_struck, s_cert, s_res, s_got, s_dec; bit s_prop;
byte g_prep, g_res; bit gvn, gvp;          /* in flight from the former life */
/* network, monotone */
bit nprop, nacc[3], nreq[3], ncert[3];

#define BAD(c) (res[c]==ABORT && got[c]==COMMIT)
#define ANYRES(v) (res[0]==v || res[1]==v || res[2]==v)
inline check() {
	assert(!(ANYRES(COMMIT) && ANYRES(ABORT)));
	assert(!BAD(0) && !BAD(1) && !BAD(2));
	assert(!(ncert[COMMIT] && ncert[ABORT]))
}
#define UNSENTN(c) ((c)==RW && gvn)
#define UNSENTP(c) ((c)==RW && gvp)

#ifdef MUT_ACCEPTEARLY    /* accept before own and incoming promises are recorded */
#define READY(c) 1
#else
#define READY(c) (prep[c] && held[c])
#endif
#ifdef MUT_PARTIAL        /* commit without every accept */
#define ALLACC (nacc[0])
#else
#define ALLACC (nacc[0] && nacc[1] && nacc[2])
#endif
#ifdef MUT_STRIKERELEASE  /* who strikes releases at once, without certificate */
#define STRIKEREL(c) if :: held[c] && res[c]==0 && recp[c] -> res[c]=ABORT :: else fi;
#else
#define STRIKEREL(c)
#endif
#ifdef MUT_TIMEOUT        /* an accepting creditor releases on its own clock */
#define TIMEREL(c) :: d_step { held[c] && res[c]==0 && recp[c] -> res[c]=ABORT; check() }
#else
#ifdef MUT_EAGER          /* settle on the own accept, before the certificate */
#define TIMEREL(c) :: d_step { accd[c] && held[c] && res[c]==0 && recp[c] -> res[c]=COMMIT; check() }
#else
#define TIMEREL(c)
#endif
#endif

#define CITYSTEPS(c) \
	:: d_step { nprop && !prep[c] && cert[c]==0 && !struck[c] && recn[c] -> prep[c]=1 } \
	:: d_step { prep[PREV(c)] && !UNSENTN(PREV(c)) && !held[c] && recp[c] -> held[c]=1 } \
	:: d_step { READY(c) && !accd[c] && !struck[c] && cert[c]==0 && nprop -> accd[c]=1; nacc[c]=1 } \
	:: d_step { nprop && !accd[c] && !struck[c] && cert[c]==0 -> struck[c]=1; STRIKEREL(c) check() } \
	:: d_step { ncert[COMMIT] && cert[c]==0 -> cert[c]=COMMIT } \
	:: d_step { ncert[ABORT] && cert[c]==0 -> cert[c]=ABORT } \
	:: d_step { cert[c]==COMMIT && held[c] && res[c]==0 && recp[c] -> res[c]=COMMIT; check() } \
	:: d_step { cert[c]==ABORT && held[c] && res[c]==0 && recp[c] -> res[c]=ABORT; check() } \
	:: d_step { res[NEXT(c)] && !UNSENTP(NEXT(c)) && got[c]==0 && prep[c] && recn[c] -> \
		got[c]=res[NEXT(c)]; check() } \
	/* reconcile: adopt my own entries that the neighbour holds, with causes */ \
	:: d_step { !recn[c] -> recn[c]=1; \
		if :: held[NEXT(c)] -> prep[c]=1 :: else fi; \
		if :: c==RW -> gvn=0; g_prep=0 :: else fi; check() } \
	:: d_step { !recp[c] -> recp[c]=1; \
		if :: res[c]==0 && got[PREV(c)]!=0 -> res[c]=got[PREV(c)]; held[c]=1 :: else fi; \
		if :: c==RW -> gvp=0; g_res=0 :: else fi; check() } \
	:: d_step { cr > 0 -> cr--; recn[c]=0; recp[c]=0 } \
	TIMEREL(c)

active proctype world() {
	do
	/* coordinator (city 0) */
	:: d_step { !prop && !gone -> prop=1; nprop=1 }
	:: d_step { cdec==0 && ALLACC && !gone && (prop || nprop) -> cdec=COMMIT }
	:: d_step { cdec==0 && nprop && !gone -> cdec=ABORT }
	:: d_step { cdec!=0 && !nreq[cdec] && !gone -> nreq[cdec]=1 }
#ifdef MUT_NOWITNESS      /* the coordinator's signature alone is enough */
	:: d_step { cdec!=0 && !ncert[cdec] -> ncert[cdec]=1; check() }
#else
	/* witness (city 1): first verdict it records is the only one it signs */
	:: d_step { wdec==0 && nreq[COMMIT] && ALLACC -> wdec=COMMIT }
	:: d_step { wdec==0 && nreq[ABORT] -> wdec=ABORT }
	:: d_step { wdec!=0 && nreq[wdec] && !ncert[wdec] -> ncert[wdec]=1; check() }
	:: d_step { wdec!=0 && nreq[wdec] && cdec!=0 && cdec!=wdec && !gone -> cdec=wdec }
#endif
#ifdef GONE
	:: d_step { !gone && nprop && RW != 0 -> gone=1 }
	:: d_step { gone && wdec==0 -> wdec=ABORT; solo=1 }
	:: d_step { gone && wdec!=0 && !ncert[wdec] -> ncert[wdec]=1; check() }
#endif
	CITYSTEPS(0) CITYSTEPS(1) CITYSTEPS(2)
	:: d_step { cr > 0 -> cr = 0 }
#if RW != 9
	:: d_step { !snapped && !rwdone -> snapped=1;
		s_prep=prep[RW]; s_held=held[RW]; s_accd=accd[RW]; s_struck=struck[RW];
		s_cert=cert[RW]; s_res=res[RW]; s_got=got[RW];
		if :: RW==0 -> s_dec=cdec; s_prop=prop :: RW==1 -> s_dec=wdec :: else fi }
	:: d_step { !rwdone -> rwdone=1; snapped=1;
		g_prep=prep[RW]; g_res=res[RW]; gvn=1; gvp=1; recn[RW]=0; recp[RW]=0;
		prep[RW]=s_prep; held[RW]=s_held; accd[RW]=s_accd; struck[RW]=s_struck;
		cert[RW]=s_cert; res[RW]=s_res; got[RW]=s_got;
		if :: RW==0 -> cdec=s_dec; prop=s_prop :: RW==1 -> wdec=s_dec :: else fi;
		s_prep=0; s_held=0; s_accd=0; s_struck=0; s_cert=0; s_res=0; s_got=0; s_dec=0; s_prop=0;
		check() }
	:: d_step { !rwdone -> rwdone=1; snapped=1 }
	/* batches of the former life still arrive until reconciliation */
	:: d_step { gvn && g_prep && !held[NEXT(RW)] && recp[NEXT(RW)] -> held[NEXT(RW)]=1 }
	:: d_step { gvp && g_res && got[PREV(RW)]==0 && prep[PREV(RW)] && recn[PREV(RW)] -> got[PREV(RW)]=g_res; check() }
#endif
	:: else ->
		assert(!prep[0] || (held[1] && res[1]!=0 && got[0]==res[1]));
		assert(!prep[1] || (held[2] && res[2]!=0 && got[1]==res[2]));
		assert(!prep[2] || (held[0] && res[0]!=0 && got[2]==res[0]));
		assert(!ANYRES(COMMIT) || (res[0]==COMMIT && res[1]==COMMIT && res[2]==COMMIT));
		break
	od
}
