/*
 * The completion protocol of a latch (latch.go, node.go, park.go): completers,
 * waiters that link and leave, one of them prompt, one that nothing but completion
 * ends and that shares a channel, who asks for Done late, and who looks.
 * The steps are those of the code; each atomic access is one step, what is done
 * under the lock is not.
 *
 * Safety, by assertions: one completer (L1); what it publishes is there for whoever
 * sees the completion (L2); the channel is closed once (L3); set implies closed and
 * closed implies set (L4); a node is unlinked or fired, never both, never twice
 * (L5); a prompt node is fired before anything can be seen (L6); the shared channel
 * is closed once, by the completer, or as Done's (L8); the loser of a completion finds
 * all of it (S3). Spin adds: nobody waits for ever.
 *
 * Liveness, under weak fairness: every waiter wakes, whether or not somebody's
 * wait ends meanwhile.
 *
 * Planted errors, by -D: EARLY_LOSER, NO_CLOSING, LOST, LATE_VALUE, NO_LOOK,
 * SHARED_KEPT, NO_SETTLE.
 */

#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef COMPLETERS
#define COMPLETERS 2
#endif

#define NIL   0
#define SPENT 100

#define SHARED 1               /* the channel that the sleeper made; Done may make it its own */
#define DONE   2               /* the one that the looker made */

bool set, closing, chan_bit;   /* the word */
bool mu;
byte ch;                       /* the channel that was made, or NIL: SHARED, or DONE */
byte closed[3];                /* how often each was closed */
byte value;                    /* what the completer publishes */
byte winner;                   /* completers that won */

byte head = NIL;               /* nodes are 1..WAITERS; the first is prompt */
byte next[WAITERS + 1], prev[WAITERS + 1];
bool lone[WAITERS + 1], fired[WAITERS + 1], left[WAITERS + 1];
bool over[WAITERS + 1];        /* 0 is the sleeper */

#define PROMPT(n) ((n) == 1)

inline lock()   { atomic { !mu -> mu = true } }
inline unlock() { mu = false }

inline settle() {
	if
	:: set
	:: else -> lock(); unlock()
	fi
}

/* what holds for whoever has seen the completion and asked for all there is to it */
inline complete() {
	d_step {
		assert(set && value == 1 && winner == 1);
		assert(!chan_bit || closed[ch] == 1)
	}
}

inline fire(n) {
	assert(!fired[n] && !left[n]);
	fired[n] = true
}

proctype completer() {
	byte nodes, n, p, f, follow, shared = NIL;
	bool prompt = false;

	/* claim */
	if
	:: set -> goto lost
#ifdef EARLY_LOSER
	:: closing -> goto lost
	:: !set && !closing
#else
	:: else
#endif
	fi;
	lock();
#ifndef NO_LOOK
	if
	:: set -> unlock(); goto lost
	:: else
	fi;
#endif
	winner++;
#ifndef LATE_VALUE
	value = 1;
#endif
	/* publish: take the nodes, and part them */
#ifdef LOST
	nodes = head;
	head = SPENT;
#else
	d_step { nodes = head; head = SPENT }
#endif
	d_step {
		n = nodes;
		do
		:: n != NIL && n != SPENT -> 
			if
			:: PROMPT(n) -> prompt = true
			:: else
			fi;
			n = next[n]
		:: else -> break
		od
	}
	if
	:: chan_bit || prompt ->
#ifndef NO_CLOSING
		closing = true
#else
		skip
#endif
	:: else
	fi;
	if
	:: prompt -> fire(1)
	:: else
	fi;
	if
	:: chan_bit -> closed[ch]++
	:: else ->
		shared = ch;
#ifndef SHARED_KEPT
		ch = NIL
#endif
	fi;
	assert(!set);
	set = true;
	unlock();
#ifdef LATE_VALUE
	value = 1;
#endif
	closed[shared]++;              /* that of NIL is nobody's */
	/* fire the others, the first to be linked first; a node is its waiter's again
	   from then on, so its successor is read before */
	d_step {
		f = NIL; n = nodes;
		do
		:: n != NIL && n != SPENT -> follow = next[n]; next[n] = f; f = n; n = follow
		:: else -> break
		od;
		n = f
	}
	do
	:: n != NIL ->
		follow = next[n];
		if
		:: !PROMPT(n) -> next[n] = NIL; prev[n] = NIL; fire(n)
		:: else
		fi;
		n = follow
	:: else -> break
	od;
	goto end;
lost:
	complete();
end:	skip
}

proctype waiter(byte n; bool patient) {
	byte first;
	bool linked = false, gone = false;

	/* link */
	lone[n] = true;
	atomic {
		if
		:: head == NIL -> head = n; linked = true
		:: else
		fi
	}
	if
	:: linked -> goto parked
	:: else
	fi;
	if
	:: head == SPENT -> settle(); goto told
	:: else
	fi;
	lock();
	do
	:: first = head;
		if
		:: first == SPENT -> unlock(); goto told
		:: else
		fi;
		next[n] = first; lone[n] = (first == NIL);
		atomic {
			if
			:: head == first -> head = n; linked = true
			:: else
			fi
		}
		if
		:: linked ->
			if
			:: first != NIL -> prev[first] = n
			:: else
			fi;
			break
		:: else
		fi
	od;
	unlock();

parked:
	if
	:: fired[n]
	:: !patient -> skip        /* its context ends */
	fi;

	/* unlink */
	if
	:: lone[n] ->
		atomic {
			if
			:: head == n -> head = NIL; gone = true; left[n] = true
			:: else
			fi
		}
	:: else
	fi;
	if
	:: gone -> goto out
	:: else
	fi;
	if
	:: head == SPENT -> goto seen
	:: else
	fi;
	lock();
	first = head;
	if
	:: first == SPENT -> unlock(); goto seen
	:: first != SPENT && prev[n] != NIL ->
		next[prev[n]] = next[n];
		if
		:: next[n] != NIL -> prev[next[n]] = prev[n]
		:: else
		fi;
		gone = true
	:: first != SPENT && prev[n] == NIL && first != n -> skip
	:: first == n && prev[n] == NIL && lone[n] ->
		atomic {
			if
			:: head == n -> head = NIL; gone = true
			:: else
			fi
		}
	:: first == n && prev[n] == NIL && !lone[n] ->
		if
		:: next[n] != NIL -> prev[next[n]] = NIL
		:: else
		fi;
		head = next[n]; gone = true
	fi;
	if
	:: gone -> next[n] = NIL; prev[n] = NIL; left[n] = true
	:: else
	fi;
	unlock();
	if
	:: gone -> goto out
	:: else
	fi;
seen:
	settle();
told:
	complete();
out:
	over[n] = true
}

/* a wait that nothing but completion ends */
proctype sleeper() {
	byte mine;

	lock();
	if
	:: set -> unlock(); goto told
	:: !set && chan_bit -> unlock(); goto out  /* it has a gate of its own, as a waiter */
	:: else
	fi;
	if
	:: ch == NIL -> ch = SHARED
	:: else
	fi;
	mine = ch;
	unlock();
	closed[mine] > 0;
#ifndef NO_SETTLE
	settle();
#endif
told:
	complete();
	assert(mine == NIL || closed[mine] == 1);
out:
	over[0] = true
}

/* who asks for the channel, when it may have been set already, and looks at both */
proctype looker() {
	bool saw;

	if
	:: chan_bit
	:: else ->
		lock();
		if
		:: !chan_bit ->
			if
			:: ch == NIL -> ch = DONE
			:: else
			fi;
			if
			:: set -> closed[ch]++
			:: else
			fi;
			chan_bit = true
		:: else
		fi;
		unlock()
	fi;
	/* isSet, and then the channel */
	saw = set;
	if
	:: !saw && closing -> settle(); saw = true
	:: else
	fi;
	if
	:: saw -> assert(closed[ch] == 1)
	:: else
	fi;
	/* the channel, and then isSet */
	if
	:: closed[ch] == 1 ->
		if
		:: set
		:: else -> assert(closing); settle()
		fi;
		complete()
	:: else
	fi
}

init {
	atomic {
		run completer();
#if COMPLETERS > 1
		run completer();
#endif
		run waiter(1, true);
#if WAITERS > 1
		run waiter(2, false);
#endif
#if WAITERS > 2
		run waiter(3, true);
#endif
#ifdef SLEEPER
		run sleeper();
#else
		over[0] = true;
#endif
		run looker()
	}
}

#if WAITERS > 2
ltl wakes { <> (over[0] && over[1] && over[2] && over[3]) }
#elif WAITERS > 1
ltl wakes { <> (over[0] && over[1] && over[2]) }
#else
ltl wakes { <> (over[0] && over[1]) }
#endif
