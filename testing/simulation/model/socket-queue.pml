/*
 * The lock of token-store-file (packages/token-store-file/src/lock/socket-queue.ts): processes that come, wait, give up, release and are
 * killed at any step. Invariant: at no moment two have the lock. And nobody waits for ever: SPIN reports a process that cannot go on.
 *
 * Each atomic step is one call of the system. A process has ATTEMPTS IDs, one after the other.
 *
 *   PROCESSES, ATTEMPTS   how many; CRASHES of them in all, GIVE_UPS that end a wait
 * Defects:
 *   CHOOSING_IGNORED  a process that has its number does not wait for those that choose
 *   ONE_LOOK          it takes the numbers from the look that has shown it those that choose
 *   NUMBER_EARLY      it chooses its number before others can see that it chooses
 *   GONE_IGNORED      it goes on although another process has removed its socket before it had a number
 *   REMOVED_BY_ID     who finds that a socket has ended removes it also if it has got its number since then
 *   ID_IGNORED        of two with one number, neither waits
 */
#define IDS (PROCESSES * ATTEMPTS + 1)
#define NEW 255

byte place[IDS];   /* 0: no socket; NEW: `L-new-ID`; else `L-NUMBER-ID` */
bit open[IDS];     /* the process listens on it */
byte owner = 0;    /* the ID that runs its task */
byte crashes = CRASHES;
byte giveUps = GIVE_UPS;

/* One call of the system, or the kill -9 of this process before it. */
#define STEP(call) if :: atomic { call } :: atomic { crashes > 0 -> crashes--; goto killed } fi

/* A connection to the socket that had this name. */
#define ENDED(id, name) (place[id] != name || !open[id])

/*
 * #names: reading the folder is not one step. A name that has come, gone or changed since it began may be missed. A process that is
 * killed meanwhile has changed nothing, so that its next step shows the same. The process's own name is of no use.
 */
#define LIST(use) \
  atomic { each = 1; do :: each < IDS -> before[each] = place[each]; each++ :: else -> break od; each = 1 }; \
  do \
  :: each < IDS && each != id -> \
     if \
     :: atomic { read = place[each]; use; read = 0; before[each] = 0; each++ } \
     :: atomic { place[each] != before[each] -> before[each] = 0; each++ } \
     fi \
  :: each == id -> before[each] = 0; each++ \
  :: each == IDS -> break \
  od; \
  each = 1

#define CHOOSE if :: read != NEW && read >= number -> number = read + 1 :: else fi
#define SEE_NEW if :: read == NEW -> seen[each] = read :: else fi
#define SEE_AHEAD if :: read != 0 && read != NEW && AHEAD -> seen[each] = read :: else fi

/* Waits for each that was seen until no process listens on its socket, or gives up; then removes its name. */
#define WAIT \
  do \
  :: each < IDS && seen[each] != 0 -> \
     if \
     :: atomic { ENDED(each, seen[each]) -> skip } \
     :: atomic { giveUps > 0 && !ENDED(each, seen[each]) -> giveUps--; goto leave } \
     :: atomic { crashes > 0 -> crashes--; goto killed } \
     fi; \
     STEP(REMOVE; seen[each] = 0; each++) \
  :: each < IDS && seen[each] == 0 -> each++ \
  :: each == IDS -> break \
  od

#ifdef REMOVED_BY_ID
#define REMOVE place[each] = 0
#else
#define REMOVE if :: place[each] == seen[each] -> place[each] = 0 :: else fi
#endif

#ifdef ID_IGNORED
#define AHEAD (read < number)
#else
#define AHEAD (read < number || read == number && each < id)
#endif

proctype Process(byte first) {
  byte id = first;
  byte number = 1;
  byte each, read;
  byte before[IDS];
  byte seen[IDS];

attempt: /* #join */
#ifdef NUMBER_EARLY
  LIST(CHOOSE);
#endif
  STEP(place[id] = NEW);
  STEP(open[id] = 1);
#ifndef NUMBER_EARLY
  LIST(CHOOSE);
#endif
#ifdef GONE_IGNORED
  STEP(if :: place[id] == NEW -> place[id] = number :: else fi);
#else
  if
  :: atomic { place[id] == NEW -> place[id] = number }
  :: atomic { place[id] != NEW -> goto leave }
  :: atomic { crashes > 0 -> crashes--; goto killed }
  fi;
#endif

  /* acquire */
#ifdef ONE_LOOK
  LIST(SEE_NEW; SEE_AHEAD);
  WAIT;
#else
#ifndef CHOOSING_IGNORED
  LIST(SEE_NEW);
  WAIT;
#endif
  LIST(SEE_AHEAD);
  WAIT;
#endif

  STEP(assert(owner == 0); owner = id);
  /* the task runs here */
  STEP(owner = 0);

leave: /* release */
  STEP(open[id] = 0);
  STEP(place[id] = 0);
  goto again;

killed: skip;
  d_step { open[id] = 0; if :: owner == id -> owner = 0 :: else fi };

again: skip;
  atomic {
    each = 0;
    do
    :: each < IDS -> before[each] = 0; seen[each] = 0; each++
    :: else -> break
    od;
    number = 1; each = 0; read = 0
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
