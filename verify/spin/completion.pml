/*
 * The completion protocol of a latch (latch.go, node.go, park.go): completers,
 * waiters that link and leave, one of them prompt, one that nothing but completion
 * ends and that parks on the channel of Done, a goroutine that asks for Done late, and
 * goroutines that look. The steps are those of the code; each atomic access is one
 * step, what is done under the lock is not.
 *
 * Safety, by assertions: one completer (L1); what it publishes is there for every
 * goroutine that sees the completion (L2); the channel is closed once (L3); set implies
 * closed and closed implies set (L4); a node is unlinked or fired, never both, never
 * twice (L5); a prompt node is fired before anything can be seen (L6); the loser of a
 * completion finds all of it (S3). Spin adds: no process waits for ever.
 *
 * Liveness, under weak fairness: every waiter wakes, whether or not the context of
 * another ends meanwhile.
 *
 * Planted errors, by -D: EARLY_LOSER, NO_CLOSING, LOST, LATE_VALUE, NO_LOOK,
 * TWO_CHANNELS, NO_SETTLE.
 */

#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef COMPLETERS
#define COMPLETERS 2
#endif

#define NIL 0

bool set, closing, chan_bit;   /* the word */
bool mu;
byte ch;                       /* the channel of Done, once it is made: 1, or 2 */
byte made;                     /* channels that were made */
byte closed[3];                /* how often each was closed */
byte value;                    /* what the completer publishes */
byte winner;                   /* completers that won */

byte head = NIL;               /* nodes are 1..WAITERS; the first is prompt */
byte next[WAITERS + 1], prev[WAITERS + 1];
bool fired[WAITERS + 1], left[WAITERS + 1];
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

/* makes the channel, under the lock */
inline make() {
	if
#ifndef TWO_CHANNELS
	:: chan_bit
#endif
	:: !chan_bit ->
		made++; ch = made;
		if
		:: set -> closed[ch]++
		:: else
		fi;
		chan_bit = true
#ifdef TWO_CHANNELS
	:: chan_bit && !set -> made++; ch = made
	:: chan_bit && set
#endif
	fi
}

inline fire(n) {
	assert(!fired[n] && !left[n]);
	fired[n] = true
}

proctype completer() {
	byte nodes, n, f, follow;
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
	nodes = head;
	head = NIL;
	d_step {
		n = nodes;
		do
		:: n != NIL ->
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
	:: else
	fi;
	assert(!set);
	set = true;
	unlock();
#ifdef LATE_VALUE
	value = 1;
#endif
	/* fire the others, the first to be linked first; a node is its waiter's again
	   from then on, so its successor is read before */
	d_step {
		f = NIL; n = nodes;
		do
		:: n != NIL -> follow = next[n]; next[n] = f; f = n; n = follow
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
	/* link */
	if
	:: set -> goto told
	:: else
	fi;
#ifndef LOST
	lock();
	if
	:: set -> unlock(); goto told
	:: else
	fi;
#endif
	next[n] = head;
	if
	:: next[n] != NIL -> prev[next[n]] = n
	:: else
	fi;
	head = n;
#ifndef LOST
	unlock();
#endif

	if
	:: fired[n]
	:: !patient -> skip        /* its context ends */
	fi;

	/* unlink */
	if
	:: set -> goto seen
	:: else
	fi;
	lock();
	if
	:: set || (prev[n] == NIL && head != n) -> unlock(); goto seen
	:: else
	fi;
	if
	:: prev[n] == NIL -> head = next[n]
	:: else -> next[prev[n]] = next[n]
	fi;
	if
	:: next[n] != NIL -> prev[next[n]] = prev[n]
	:: else
	fi;
	next[n] = NIL; prev[n] = NIL; left[n] = true;
	unlock();
	goto out;
seen:
	settle();
told:
	complete();
out:
	over[n] = true
}

/* a wait that nothing but completion ends */
proctype sleeper() {
	byte mine = NIL;

	lock();
	if
	:: set -> unlock(); goto told
	:: else
	fi;
	make();
	mine = ch;
	unlock();
	closed[mine] > 0;
#ifndef NO_SETTLE
	settle();
#endif
told:
	complete();
	assert(mine == NIL || closed[mine] == 1);
	over[0] = true
}

/* asks for the channel, when the latch may have been set already, and looks at both */
proctype looker() {
	bool saw;

	if
	:: chan_bit
	:: else -> lock(); make(); unlock()
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
