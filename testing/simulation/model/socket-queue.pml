/*
 * The lock of token-store-file (packages/token-store-file/src/lock/socket-queue.ts): processes that come, wait, give up, release and are
 * killed at any step. Invariant: at no moment two have the lock. And nobody waits for ever: SPIN reports a process that cannot go on.
 *
 * Each atomic step is one call of the system. A process has ATTEMPTS IDs, one after the other.
 *
 *   PROCESSES, ATTEMPTS   how many; CRASHES of them in all, GIVE_UPS that end a wait
 * Defects:
 *   NO_HEAD_CHECK  a process whose predecessors have ended makes itself the head, whichever the head is
 *   CLOSED_EARLY   a process that releases closes its socket before it removes the head
 *   SWEEP_FIRST    it removes what killed processes have left before it removes the head
 *   SWEEP_BY_ID    it removes all names of an ID, also those that came after its look
 *   NAMED_EARLY    a socket has its name before its process listens
 *   NEXT_REMOVED   a process that gives up removes its place
 */
#define IDS (PROCESSES * ATTEMPTS + 1)

/* 0: no ID, and the place of the head in `next`. */
byte next[IDS];
bit draft[IDS];    /* there is a socket `L-ID-new` */
bit final[IDS];    /* there is a socket `L-ID` */
bit open[IDS];     /* the process listens on its socket */
byte owner = 0;    /* the ID that runs its task */
byte crashes = CRASHES;
byte giveUps = GIVE_UPS;

#define head next[0]
#define ENDED(id) (!(final[id] && open[id]))

/* One call of the system, or the kill -9 of this process before it. */
#define STEP(call) if :: atomic { call } :: atomic { crashes > 0 -> crashes--; goto killed } fi

proctype Process(byte first) {
  byte id = first;
  byte last, read, each;
  bit ahead[IDS];
  bit listed[IDS];
  bit listedNext[IDS];
  bit listedDraft[IDS];
  byte order[IDS];
  byte count;
  bit busy;

attempt: /* #listen */
#ifdef NAMED_EARLY
  STEP(final[id] = 1);
  STEP(open[id] = 1);
#else
  STEP(draft[id] = 1);
  STEP(open[id] = 1);
  if
  :: atomic { draft[id] -> draft[id] = 0; final[id] = 1 }
  :: atomic { !draft[id] -> open[id] = 0; goto again }
  :: atomic { crashes > 0 -> crashes--; goto killed }
  fi;
#endif

  /* #join */
  d_step { last = 0; count = 0 };
  do
  :: STEP(read = next[last]);
     if
     :: read != 0 -> d_step { order[count] = read; count++; ahead[read] = 1; last = read }
     :: else ->
        STEP(if :: next[last] == 0 -> next[last] = id; busy = 1 :: else -> busy = 0 fi);
        if :: busy -> break :: else fi
     fi
  od;
  busy = 0;

  /* acquire: waits for the nearest first */
  each = count;
  do
  :: each == 0 -> break
  :: each > 0 ->
     if
     :: atomic { ENDED(order[each - 1]) -> each-- }
     :: atomic { giveUps > 0 && !ENDED(order[each - 1]) -> giveUps--; goto leave }
     :: atomic { crashes > 0 -> crashes--; goto killed }
     fi
  od;
  if
  :: count == 0 -> skip
  :: else ->
     /* #becomeHead */
     STEP(read = head);
#ifndef NO_HEAD_CHECK
     if
     :: read == 0 || !ahead[read] -> STEP(next[last] = 0); goto leave
     :: else
     fi;
#endif
     STEP(head = id; assert(owner == 0 || !open[owner]); owner = id);
     each = 1;
     do
     :: each < IDS && ahead[each] -> STEP(final[each] = 0); STEP(next[each] = 0); each++
     :: each < IDS && !ahead[each] -> each++
     :: each == IDS -> break
     od
  fi;
  STEP(assert(owner == 0 || owner == id || !open[owner]); owner = id);

  /* the task runs here, then #release */
  STEP(owner = 0);
#ifdef CLOSED_EARLY
  STEP(open[id] = 0);
#endif
  /* Reading the folder is not one step: names that come and go meanwhile may be listed or not. */
  each = 1;
  do
  :: each < IDS ->
     STEP(listed[each] = final[each] && each != id; listedDraft[each] = draft[each]; listedNext[each] = next[each] != 0);
     each++
  :: each == IDS -> break
  od;
  each = 1;
  do
  :: each < IDS && each != id && (listed[each] || listedDraft[each] || listedNext[each]) ->
     STEP(busy = busy || !ENDED(each));
     each++
  :: each < IDS && !(each != id && (listed[each] || listedDraft[each] || listedNext[each])) -> each++
  :: each == IDS -> break
  od;
  if
  :: busy -> skip
  :: else ->
#ifndef SWEEP_FIRST
     STEP(head = 0);
#endif
     each = 1;
     do
     :: each < IDS ->
#ifdef SWEEP_BY_ID
        if :: listedDraft[each] -> listed[each] = 1 :: else fi;
#endif
        if :: listed[each] -> STEP(final[each] = 0) :: else fi;
        if :: listedDraft[each] -> STEP(draft[each] = 0) :: else fi;
        if :: listedNext[each] -> STEP(next[each] = 0) :: else fi;
        each++
     :: each == IDS -> break
     od;
#ifdef SWEEP_FIRST
     STEP(head = 0);
#endif
  fi;
  goto leave;

leave: /* #close */
#ifdef NEXT_REMOVED
  if :: last != 0 -> STEP(next[last] = 0) :: else fi;
#endif
  STEP(open[id] = 0);
  STEP(final[id] = 0);
  goto again;

killed: skip;
  d_step { open[id] = 0; if :: owner == id -> owner = 0 :: else fi };

again: skip;
  d_step {
    each = 0;
    do
    :: each < IDS -> ahead[each] = 0; listed[each] = 0; listedNext[each] = 0; listedDraft[each] = 0; order[each] = 0; each++
    :: else -> break
    od;
    busy = 0; last = 0; count = 0; read = 0; each = 0
  };
  if
  :: (id - first) + 1 < ATTEMPTS -> id++; goto attempt
  :: else
  fi
}

init {
  atomic {
    byte p = 0;
    do
    :: p < PROCESSES -> run Process(1 + p * ATTEMPTS); p++
    :: else -> break
    od
  }
}
