/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* payment.pml - decider-record payments over one-writer link logs.
 *
 * A chain of N cities (2 or 3), K payments of amount 1.  End e belongs to city
 * (e+1)/2; ends 2l and 2l+1 are the two ends of link l.  All books follow from
 * log entries.  One step = one journal block (decide + record).  A message is
 * the right of the peer to accept, later, the next entry of a recorded log, so
 * loss, delay, duplication and resending are choices of the scheduler.
 * Link-level details (incarnations, Hello, delayed batches) are in link.pml;
 * here a batch of a former life ("ghost") can arrive until the new life of its
 * author has been reconciled.
 *
 * Flags: N, K, LINE, OPP (payment 1 runs the other way), CR (crash budget),
 * RW (city that may be restored once from any earlier journal prefix; 9 none),
 * TOMB (variant: OutcomeQuery straight to the decider, abort record, the origin
 * voids on the answer), MUT_* (one broken rule each).
 */
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2
#endif
#ifndef LINE
#define LINE 1
#endif
#ifndef CR
#define CR 1
#endif
#ifndef RW
#define RW 9
#endif
#define L K
#if N == 2
#define E 2
#else
#define E 4
#endif

#define PREP(p)    (4 + (p))
#define SETTLE(p)  (8 + (p))
#define RELEASE(p) (12 + (p))
#define NONE 0
#define PENDING 1
#define POSTED 2
#define VOIDED 3

#ifdef OPP
#define DIR(p) ((p) == 1)
#else
#define DIR(p) 0
#endif
#define DEBTOR(e,p) (((e) & 1) == DIR(p))
#define ORI(p) (DIR(p) -> E-1 : 0)
#define DEC(p) (DIR(p) -> 0 : E-1)
#define MIN(p) (DIR(p) -> 2 : 1)
#define MOUT(p) (DIR(p) -> 1 : 2)
#define CITY(e) (((e)+1)/2)
#define X(e,p) ((e)*K+(p))
#define Y(e,i) ((e)*L+(i))
#define LEG(e,p) leg[X(e,p)]

/* durable (journal) */
byte out[E*L], outn[E], in[E*L], inn[E], leg[E*K], posts[E*K];
bit acc[E*K], tomb[K];
/* volatile */
bit rec[E]; byte fr[E];
/* faults */
#ifndef RWN
#define RWN 1             /* how many restores; with 2 the second may fork */
#endif
byte cr = CR; bit snapped; byte rwdone; bit giveup[K];
#if RW != 9
byte s_out[E*L], s_outn[E], s_in[E*L], s_inn[E], s_leg[E*K], s_posts[E*K];
bit s_acc[E*K], s_tomb[K];
byte g[E*L], gn[E]; bit gv[E];
#endif
/* what people were told; never rewound */
bit told[K];
byte i, j, x, q;

#ifdef TRACE
inline books() {
	printf("   legs( ");
	i = 0;
	do :: i < E -> printf("|e%d r%d o", i, rec[i]); j = 0;
		do :: j < outn[i] -> printf(" %d", out[Y(i,j)]); j++ :: else -> break od;
		printf(" i%d leg", inn[i]); j = 0;
		do :: j < K -> printf(" %d", leg[X(i,j)]); j++ :: else -> break od; i++
	   :: else -> break od;
	printf("\n"); i = 0; j = 0
}
mtype = { t_take, t_reconcile, t_dup, t_take_ghost, t_crash, t_query, t_timeout_void, t_timeout_release, t_prepare, t_accept, t_decide_settle, t_decide_release, t_tell, t_forward, t_middle_refuse, t_relay_settle, t_relay_release, t_backup, t_restore_empty, t_restore };
#define SAY(t,a) printf("MSC: %e %d\n", t, a);
#else
inline books() { skip }
#define SAY(t,a)
#endif

#define ACCEPTED(e,p) (!DEBTOR(e,p) && LEG(e,p)==PENDING && \
	(((e)==DEC(p)) -> acc[X(e,p)] : (LEG(3-(e),p)==PENDING || LEG(3-(e),p)==POSTED)))
#define CRED(e,p) (!DEBTOR(e,p))
#define EXP1(e,p) ((CRED(e,p) && LEG(e,p)==POSTED) - (DEBTOR(e,p) && LEG(e,p)==POSTED))
#ifdef MUT_NOPENDING      /* pending promises are not counted */
#define PEND1(e,p) 0
#else
#ifdef MUT_FREECAP        /* own pending promises free capacity */
#define PEND1(e,p) ((CRED(e,p) && LEG(e,p)==PENDING) - (DEBTOR(e,p) && LEG(e,p)==PENDING))
#else
#define PEND1(e,p) (CRED(e,p) && LEG(e,p)==PENDING)
#endif
#endif
#define ACC1(e,p) (CRED(e,p) && ACCEPTED(e,p))
#if K == 1
#define SUMK(f,e) (f(e,0))
#elif K == 2
#define SUMK(f,e) (f(e,0)+f(e,1))
#else
#define SUMK(f,e) (f(e,0)+f(e,1)+f(e,2))
#endif
#ifdef MUT_NOCATCHUP      /* accept before the peer's old entries are all back */
#define CAUGHTUP(e) 1
#else
#define CAUGHTUP(e) (inn[e] >= fr[e])
#endif
#ifdef MUT_NOPENDING
#define ROOM(e) (CAUGHTUP(e) && SUMK(EXP1,e) + 1 <= LINE)
#else
#define ROOM(e) (CAUGHTUP(e) && SUMK(EXP1,e) + SUMK(PEND1,e) <= LINE)
#endif
#if RWN > 1
#define STALE(e) (CITY(e)==RW && !(rec[e] && RECOTHER(e)))
#else
#define STALE(e) 0
#endif
#if N == 3
#define RECOTHER(e) ((e)==0 || (e)==3 || rec[3-(e)])
#else
#define RECOTHER(e) 1
#endif
#define LINEOK(e) (STALE(e) || SUMK(EXP1,e) + SUMK(ACC1,e) <= LINE)

/* with two restores the second backup may come from an abandoned branch: its
 * books are wrong until reconciliation has withdrawn what nobody received */
#if RWN > 1
#define SEEN(e,p,s) (LEG(e,p)==s && (CITY(e)!=RW || rec[e]))
#else
#define SEEN(e,p,s) (LEG(e,p)==s)
#endif
#if N == 2
#define ANY(p,s) (LEG(0,p)==s || LEG(1,p)==s)
#define SEE(p,s) (SEEN(0,p,s) || SEEN(1,p,s))
#define LINES (LINEOK(0) && LINEOK(1))
#define PAIRED(p) (LEG(0,p)==LEG(1,p))
#define ONCE(p) (posts[X(0,p)]<=1 && posts[X(1,p)]<=1)
#else
#define ANY(p,s) (LEG(0,p)==s || LEG(1,p)==s || LEG(2,p)==s || LEG(3,p)==s)
#define SEE(p,s) (SEEN(0,p,s) || SEEN(1,p,s) || SEEN(2,p,s) || SEEN(3,p,s))
#define LINES (LINEOK(0) && LINEOK(1) && LINEOK(2) && LINEOK(3))
#define PAIRED(p) (LEG(0,p)==LEG(1,p) && LEG(2,p)==LEG(3,p))
#define ONCE(p) (posts[X(0,p)]<=1 && posts[X(1,p)]<=1 && posts[X(2,p)]<=1 && posts[X(3,p)]<=1)
#endif
#define AGREE(p) (!(SEE(p,POSTED) && SEE(p,VOIDED)) && !(told[p] && SEE(p,VOIDED)))
#define DONE(p) (!ANY(p,PENDING) && PAIRED(p))
inline check() {
	books();
	assert(AGREE(0)); assert(ONCE(0));
#if K > 1
	assert(AGREE(1)); assert(ONCE(1));
#endif
#if K > 2
	assert(AGREE(2)); assert(ONCE(2));
#endif
	assert(LINES)
}

#ifdef MUT_NOGATE
#define CAN(e) (outn[e] < L)
#define RECD(e) 1
#else
#define CAN(e) (rec[e] && outn[e] < L)
#define RECD(e) rec[e]
#endif
/* an entry carries the acknowledgement of its batch header: how much of the
 * peer's log its author had recorded when it wrote the entry */
inline append(e, v) { out[Y(e,outn[e])] = v + 16*inn[e]; outn[e]++ }
#define KIND(v) (((v)>>2)&3)
#define ACK(v) ((v)>>4)
#define BODY(v) ((v)&15)
inline apply_in(e, v) {
	q = v & 3;
	if
	:: KIND(v) == 1 -> if :: LEG(e,q)==NONE -> LEG(e,q)=PENDING :: else fi
#ifdef TOMB
	:: KIND(v) == 2 -> LEG(e,q)=POSTED; posts[X(e,q)]++ /* no waiver order: as said */
#else
	:: KIND(v) == 2 -> LEG(e,q)=POSTED; posts[X(e,q)]++
#endif
	:: KIND(v) == 3 -> if :: LEG(e,q)==PENDING -> LEG(e,q)=VOIDED :: else fi
	fi
}
inline apply_own(e, v) {
	q = v & 3;
	if
	:: KIND(v) == 1 -> if :: LEG(e,q)==NONE -> LEG(e,q)=PENDING :: else fi
	:: KIND(v) == 2 -> LEG(e,q)=POSTED; posts[X(e,q)]++
	:: KIND(v) == 3 -> LEG(e,q)=VOIDED
	fi
}
/* the copy held at end e and log o agree as far as both reach (unused = 0) */
#define SAME(e,o,i) (inn[e]<=(i) || o[Y((e)^1,i)]==0 || in[Y(e,i)]==o[Y((e)^1,i)])
#if L == 1
#define PFX(e,o) SAME(e,o,0)
#elif L == 2
#define PFX(e,o) (SAME(e,o,0) && SAME(e,o,1))
#else
#define PFX(e,o) (SAME(e,o,0) && SAME(e,o,1) && SAME(e,o,2))
#endif
#if L == 1
#define FRESH(e,p) (inn[e]>0 && fr[e]==0 && rec[e] && BODY(in[Y(e,0)])==PREP(p))
#elif L == 2
#define FRESH(e,p) (rec[e] && ((inn[e]>0 && fr[e]<=0 && BODY(in[Y(e,0)])==PREP(p)) || \
	(inn[e]>1 && fr[e]<=1 && BODY(in[Y(e,1)])==PREP(p))))
#else
#define FRESH(e,p) (rec[e] && ((inn[e]>0 && fr[e]<=0 && BODY(in[Y(e,0)])==PREP(p)) || \
	(inn[e]>1 && fr[e]<=1 && BODY(in[Y(e,1)])==PREP(p)) || \
	(inn[e]>2 && fr[e]<=2 && BODY(in[Y(e,2)])==PREP(p))))
#endif
#ifdef MUT_REFUSEOLD      /* refuse although the out-link is not reconciled */
#define MAYREFUSE(p) 1
#else
#define MAYREFUSE(p) (RECD(MOUT(p)) || FRESH(MIN(p),p))
#endif

#ifdef MUT_INBOUND        /* take the peer's entries before my own log is reconciled */
#define INOK(e) 1
#else
#define INOK(e) RECD(e)
#endif
/* a restored city sends nothing of its log before it has reconciled it */
#if RW != 9
#define UNSENT(e) (gv[e] && !rec[e])
#else
#define UNSENT(e) 0
#endif
#define LINKSTEPS(e) \
	:: d_step { INOK(e) && !UNSENT((e)^1) && inn[e] < outn[(e)^1] && PFX(e,out) -> SAY(t_take,e) \
		x = out[Y((e)^1,inn[e])]; in[Y(e,inn[e])] = x; inn[e]++; \
		apply_in(e,x); x=0; q=0; check() } \
	DUPSTEP(e) \
	:: d_step { !rec[e] -> SAY(t_reconcile,e) reconcile(e); check() }
#ifdef MUT_DUP            /* no sequence check: the last entry is taken again */
#define DUPSTEP(e) \
	:: d_step { inn[e] > 0 && cr > 0 -> cr--; x = in[Y(e,inn[e]-1)]; SAY(t_dup,e) \
		apply_in(e,x); x=0; q=0; check() }
#else
#define DUPSTEP(e)
#endif
#if RW != 9
byte inc[E], s_inc[E], hi[E];   /* incarnation: mine (journal), seen by the peer */
#ifdef MUT_KEEPBRANCH
#define FORGOT(e) 0
#elif defined(MUT_WITHDRAWALL)   /* every start withdraws what the peer lacks */
#define FORGOT(e) 1
#else
#define FORGOT(e) (hi[e] > inc[e])
#endif
inline newinc(e) {
	if :: CITY(e) == RW && rwdone < RWN -> inc[e] = hi[e] + 1; hi[e] = inc[e]
	   :: CITY(e) == RW && rwdone == RWN -> inc[e] = 0; hi[e] = 0
	   :: else fi
}
#else
#define FORGOT(e) 0
inline newinc(e) { skip }
#endif
#ifdef MUT_GC             /* neighbours keep no copies of what was acked */
inline reconcile(e) {
	newinc(e);
	do :: outn[e] < inn[(e)^1] -> out[Y(e,outn[e])] = in[Y((e)^1,outn[e])]; outn[e]++
	   :: else -> break od;
	rec[e] = 1; fr[e] = outn[(e)^1];
	ghostoff(e)
}
#else
inline reconcile(e) {
	/* withdraw entries that another branch replaced at the peer and, when the
	 * peer knows a later incarnation than my journal, all it does not hold */
	do :: outn[e] > 0 && (!PFX((e)^1,out) || (FORGOT(e) && outn[e] > inn[(e)^1])) ->
		x = out[Y(e,outn[e]-1)]; q = x & 3;
		if :: KIND(x)==1 -> LEG(e,q)=NONE
		   :: KIND(x)==2 -> LEG(e,q)=PENDING; posts[X(e,q)]--
		   :: KIND(x)==3 -> LEG(e,q)=PENDING
		fi;
#ifndef MUT_WITHDRAWHELD  /* mutation: the acceptance survives the withdrawal */
		acc[X(e,q)] = 0;        /* back to WAITING: the line is checked again */
#endif
		outn[e]--; out[Y(e,outn[e])] = 0
	   :: else -> break od;
	if
	:: inn[(e)^1] > outn[e] ->      /* I am behind my own log */
		do :: outn[e] < inn[(e)^1] ->
#ifdef MUT_NOMERGE        /* all of the peer's entries first, then my own */
			j = outn[(e)^1];
#else                     /* what that entry acknowledges first, then the entry */
			j = ACK(in[Y((e)^1,outn[e])]);
#endif
			do :: inn[e] < j ->
				x = out[Y((e)^1,inn[e])]; in[Y(e,inn[e])] = x; inn[e]++;
				apply_in(e,x)
			   :: else -> break od;
			x = in[Y((e)^1,outn[e])]; out[Y(e,outn[e])] = x; outn[e]++;
			apply_own(e,x)
		   :: else -> break od; j = 0
	:: else
	fi;
	newinc(e);
	rec[e] = 1; fr[e] = outn[(e)^1]; x = 0; q = 0;
	ghostoff(e)
}
#endif
#if RW != 9
#ifdef MUT_NOFENCE
inline ghostoff(e) { skip }
#else
inline ghostoff(e) {
	gv[e] = 0; gn[e] = 0; i = 0;
	do :: i < L -> g[Y(e,i)] = 0; i++ :: else -> break od; i = 0
}
#endif
#define GHOST(e) \
	:: d_step { INOK(e) && gv[(e)^1] && inn[e] < gn[(e)^1] && PFX(e,g) -> SAY(t_take_ghost,e) \
		x = g[Y((e)^1,inn[e])]; in[Y(e,inn[e])] = x; inn[e]++; \
		apply_in(e,x); x=0; q=0; check() }
inline snap() {
	i = 0;
	do :: i < E && CITY(i) == RW ->
		s_outn[i]=outn[i]; s_inn[i]=inn[i]; s_inc[i]=inc[i]; j = 0;
		do :: j < L -> s_out[Y(i,j)]=out[Y(i,j)]; s_in[Y(i,j)]=in[Y(i,j)]; j++
		   :: else -> break od; j = 0;
		do :: j < K -> s_leg[X(i,j)]=leg[X(i,j)]; s_posts[X(i,j)]=posts[X(i,j)];
			s_acc[X(i,j)]=acc[X(i,j)]; j++
		   :: else -> break od;
		i++
	   :: i < E && CITY(i) != RW -> i++
	   :: else -> break od;
	j = 0;
	do :: j < K -> s_tomb[j]=tomb[j]; j++ :: else -> break od;
	i=0; j=0
}
inline rewind(w) {          /* w: 1 = the backup taken, 0 = the empty one */
	i = 0;
	do :: i < E && CITY(i) == RW ->
		j = 0;
		if :: !gv[i] -> gn[i]=outn[i]; gv[i]=1;
			do :: j < L -> g[Y(i,j)]=out[Y(i,j)]; j++ :: else -> break od
		   :: else fi;
		outn[i]=s_outn[i]*w; inn[i]=s_inn[i]*w; inc[i]=s_inc[i]*w;
		rec[i]=0; fr[i]=0; j = 0;
		do :: j < L -> out[Y(i,j)]=s_out[Y(i,j)]*w; in[Y(i,j)]=s_in[Y(i,j)]*w; j++
		   :: else -> break od; j = 0;
		do :: j < K -> leg[X(i,j)]=s_leg[X(i,j)]*w; posts[X(i,j)]=s_posts[X(i,j)]*w;
			acc[X(i,j)]=s_acc[X(i,j)]*w; j++
		   :: else -> break od;
		if :: rwdone == RWN -> /* no further use of the backup: forget it */
			s_outn[i]=0; s_inn[i]=0; s_inc[i]=0; j = 0;
			do :: j < L -> s_out[Y(i,j)]=0; s_in[Y(i,j)]=0; j++ :: else -> break od; j = 0;
			do :: j < K -> s_leg[X(i,j)]=0; s_posts[X(i,j)]=0; s_acc[X(i,j)]=0; j++
			   :: else -> break od
		   :: else fi;
		i++
	   :: i < E && CITY(i) != RW -> i++
	   :: else -> break od;
	j = 0;
	do :: j < K -> if :: CITY(DEC(j)) == RW -> tomb[j]=s_tomb[j]*w :: else fi;
		if :: rwdone == RWN -> s_tomb[j]=0 :: else fi; j++ :: else -> break od;
	i=0; j=0
}
#else
inline ghostoff(e) { skip }
#define GHOST(e)
#endif

#define CRASH(c) \
	:: d_step { cr > 0 -> SAY(t_crash,c) cr--; i = 0; \
		do :: i < E && CITY(i) == c -> rec[i]=0; fr[i]=0; i++ \
		   :: i < E && CITY(i) != c -> i++ \
		   :: else -> break od; i = 0 }

#ifdef MUT_NOTOMB
#define SETTOMB(p)
#else
#define SETTOMB(p) tomb[p] = 1;
#endif
#ifdef TOMB
#define QUERY(p) \
	:: d_step { LEG(ORI(p),p)==PENDING && !(LEG(DEC(p),p)==POSTED) -> \
		SAY(t_query,p) SETTOMB(p) LEG(ORI(p),p)=VOIDED; check() }
#else
#define QUERY(p)
#endif
#ifdef MUT_TIMEOUT        /* the origin voids on its own clock */
#define TIMEOUT(p) :: d_step { LEG(ORI(p),p)==PENDING -> SAY(t_timeout_void,p) LEG(ORI(p),p)=VOIDED; check() }
#else
#ifdef MUT_MTIMEOUT       /* the middle releases although it has forwarded */
#define TIMEOUT(p) \
	:: d_step { LEG(MIN(p),p)==PENDING && LEG(MOUT(p),p)==PENDING && CAN(MIN(p)) -> SAY(t_timeout_release,p) \
		append(MIN(p),RELEASE(p)); LEG(MIN(p),p)=VOIDED; check() }
#else
#define TIMEOUT(p)
#endif
#endif
#ifdef MUT_TELLEARLY      /* outcome told before the witness has acked it */
#define MAYTELL(p) (LEG(DEC(p),p)==POSTED)
#else
#ifdef MUT_SPEAKFIRST     /* outcome told before it is recorded */
#define MAYTELL(p) (LEG(DEC(p),p)==PENDING && acc[X(DEC(p),p)])
#else
#define MAYTELL(p) (LEG(DEC(p),p)==POSTED && LEG(DEC(p)^1,p)==POSTED)
#endif
#endif

#define PAY(p) \
	:: d_step { !giveup[p] && LEG(ORI(p),p)==NONE && CAN(ORI(p)) -> SAY(t_prepare,p) \
		append(ORI(p),PREP(p)); LEG(ORI(p),p)=PENDING; check() } \
	:: d_step { !giveup[p] && !ANY(p,PENDING) && !ANY(p,POSTED) && !ANY(p,VOIDED) -> giveup[p]=1 } \
	:: d_step { LEG(DEC(p),p)==PENDING && !acc[X(DEC(p),p)] && RECD(DEC(p)) && ROOM(DEC(p)) -> SAY(t_accept,p) \
		acc[X(DEC(p),p)]=1; check() } \
	:: d_step { LEG(DEC(p),p)==PENDING && acc[X(DEC(p),p)] && CAN(DEC(p)) && !tomb[p] -> SAY(t_decide_settle,p) \
		append(DEC(p),SETTLE(p)); LEG(DEC(p),p)=POSTED; posts[X(DEC(p),p)]++; check() } \
	:: d_step { LEG(DEC(p),p)==PENDING && CAN(DEC(p)) -> SAY(t_decide_release,p) \
		append(DEC(p),RELEASE(p)); LEG(DEC(p),p)=VOIDED; check() } \
	:: d_step { !told[p] && MAYTELL(p) -> SAY(t_tell,p) told[p]=1; check() } \
	TIMEOUT(p) QUERY(p)
#if N == 3
#define MID(p) \
	:: d_step { LEG(MIN(p),p)==PENDING && LEG(MOUT(p),p)==NONE && CAN(MOUT(p)) \
		&& RECD(MIN(p)) && ROOM(MIN(p)) -> SAY(t_forward,p) \
		append(MOUT(p),PREP(p)); LEG(MOUT(p),p)=PENDING; check() } \
	:: d_step { LEG(MIN(p),p)==PENDING && LEG(MOUT(p),p)==NONE && CAN(MIN(p)) && MAYREFUSE(p) -> SAY(t_middle_refuse,p) \
		append(MIN(p),RELEASE(p)); LEG(MIN(p),p)=VOIDED; check() } \
	:: d_step { LEG(MIN(p),p)==PENDING && LEG(MOUT(p),p)==POSTED && CAN(MIN(p)) -> SAY(t_relay_settle,p) \
		append(MIN(p),SETTLE(p)); LEG(MIN(p),p)=POSTED; posts[X(MIN(p),p)]++; check() } \
	:: d_step { LEG(MIN(p),p)==PENDING && LEG(MOUT(p),p)==VOIDED && CAN(MIN(p)) -> SAY(t_relay_release,p) \
		append(MIN(p),RELEASE(p)); LEG(MIN(p),p)=VOIDED; check() }
#else
#define MID(p)
#endif

active proctype world() {
	do
	PAY(0) MID(0)
#if K > 1
	PAY(1) MID(1)
#endif
#if K > 2
	PAY(2) MID(2)
#endif
	LINKSTEPS(0) LINKSTEPS(1) GHOST(0) GHOST(1)
#if N == 3
	LINKSTEPS(2) LINKSTEPS(3) GHOST(2) GHOST(3)
	CRASH(2)
#endif
	CRASH(0) CRASH(1)
	:: d_step { cr > 0 -> cr = 0 }
#if RW != 9
	:: d_step { rwdone < RWN && !snapped -> SAY(t_backup,RW) snap(); snapped = 1 }
	:: d_step { rwdone < RWN -> rwdone++; SAY(t_restore_empty,RW) rewind(0); check() }
	:: d_step { rwdone < RWN && snapped -> rwdone++; SAY(t_restore,RW) rewind(1); check() }
	:: d_step { rwdone < RWN -> rwdone = RWN }
#endif
	:: else ->              /* nothing more can happen: all is resolved */
		assert(DONE(0));
#if K > 1
		assert(DONE(1));
#endif
#if K > 2
		assert(DONE(2));
#endif
		break
	od
}
