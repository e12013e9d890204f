/*
 * The protocol of packages/shared-token for one name, small enough for SPIN to look at every order of its steps.
 *
 * PROCESSES processes call getToken() once each, and may ask a person. Around them the access token expires again, a
 * person signs out, processes crash, answers get lost, and a lease ends because its owner was stopped for too long.
 * A label, or the comment at a step, names the function that the steps stand for.
 *
 * The sizes: PROCESSES, EXPIRIES, SIGN_OUTS, CRASHES, LOST_ANSWERS, PAUSES (longer than the lease).
 * The kind of world, if defined:
 *   LEASE       the locks are leases (token-store-postgres); otherwise the kernel's (token-store-sqlite)
 *   STRICT      a spent refresh token that comes back revokes the sign-in
 *   KEEPS       a refresh keeps the refresh token; otherwise each brings a new one
 *   SIGNED_OUT  nothing is stored at the beginning
 *   NOTHING_EXCUSED  the windows that cannot be closed count as failures, too
 * The defects, if defined, each of which breaks an invariant: see ../test-long/model.test.ts.
 */

/*
 * What a record holds: the number of its refresh token (0: no record), and of its access token. Access tokens are counted
 * in the order in which they were asked for, as `obtainedAt` says in the code.
 */
typedef Tokens { byte refresh; byte access }

/* The store. */
Tokens stored;
bool expired;                  /* the stored access token is about to expire */
byte fence;                    /* rises each time the record lock is acquired */

/* A lock: which process holds it. */
#define FREE 255
byte recordLock = FREE;
byte signInLock = FREE;

/* The provider: the newest tokens that it gave out. */
Tokens newest;
bool revoked;
bool earlierRevoked;           /* the sign-in before that */
byte signedInWith = 1;         /* the first refresh token of the newest sign-in */

/* The request of each process: the refresh token that is on its way. It arrives even if the process crashes. */
#define NOTHING 0
byte request[PROCESSES];
/* The refresh token in the answer to it. */
#define REFUSED 254
#define LOST 253
#define OF_EARLIER_SIGN_IN 252
byte answer[PROCESSES];

/* Each process. */
#define IDLE 0
#define CHECKED 1              /* has made sure that it holds the lock, and is about to spend the refresh token */
#define SPENT 2                /* a refresh may have brought tokens that are not stored yet */
#define REDEEMED 3             /* a sign-in has */
byte phase[PROCESSES];
bool crashed[PROCESSES];
bool ended[PROCESSES];          /* its call has settled */
bool lostRecordLock[PROCESSES];
bool lostSignInLock[PROCESSES];

/* What may still happen. */
byte expiries = EXPIRIES, crashes = CRASHES, lostAnswers = LOST_ANSWERS, pauses = PAUSES;

/* For the invariants alone. */
bool excused;                  /* a crash, a lost answer or a pause hit the window that SECURITY.md and docs/fleet.md name */
#ifdef NOTHING_EXCUSED
#define EXCUSED false
#else
#define EXCUSED excused
#endif
byte signOuts;
bool asks[PROCESSES];           /* its browser window is open */
byte running = PROCESSES;      /* calls that have not settled */

/* 1. One refresh in flight over all processes, and none while the stored token is good. */
inline assertOneRefresh() {
  d_step {
    assert(EXCUSED || expired);
    i = 0;
    do
    :: i < PROCESSES ->
       assert(i == me || EXCUSED || request[i] == NOTHING && (phase[i] != SPENT || crashed[i]));
       i++
    :: else -> break
    od
  }
}

#ifdef NO_COMPARE_AND_SWAP
#define IS_STILL(previous) true
#else
#define IS_STILL(previous) (stored.refresh == previous)
#endif
#if defined(LEASE) && !defined(NO_FENCE)
#define HOLDS_FENCE (myFence == fence && recordLock == me)
#else
#define HOLDS_FENCE true
#endif

/* TokenStore.replace(): a compare-and-swap on the refresh token, within a task only while the lock is held. */
inline replace(previous, next, fenced) {
  atomic {
    written = IS_STILL(previous) && (!(fenced) || HOLDS_FENCE);
    if
    :: written ->
       /* 2. No older token of a refresh over a newer one. (Two sign-ins are of equal worth.) */
       assert(stored.refresh == 0 || phase[me] == REDEEMED || next.access >= stored.access);
       /* 3. Nothing is stored after a sign-out but by a sign-in that found nothing to begin with. */
       assert(seenSignOuts == signOuts || before == 0);
       if :: next.access > stored.access -> expired = false :: else fi;
       stored.refresh = next.refresh;
       stored.access = next.access
    :: else
    fi
  }
}

/* TokenStore.exclusively() ends: only the owner of a lock releases it. */
#ifdef ANY_OWNER_RELEASES
#define IS_OWNER(lock) true
#else
#define IS_OWNER(lock) (lock == me)
#endif
inline release(lock) {
  atomic { if :: IS_OWNER(lock) -> lock = FREE :: else fi }
}

proctype Process(byte me) {
  Tokens first, mine, got;
  byte myFence, before, seenSignOuts, rounds, i;
  bool written;
  {
    /* obtainSilently() */
    atomic {
      first.refresh = stored.refresh;
      first.access = stored.access;
      before = first.refresh;
      seenSignOuts = signOuts;
      if
      :: first.refresh == 0 -> goto signInInTurn
      :: first.refresh != 0 && !expired -> goto settled
      :: else
      fi
    }

    /* refreshOrWait(): for the lock, and for the token of the process that holds it. */
    if
    :: atomic { recordLock == FREE -> recordLock = me; lostRecordLock[me] = false; fence++; myFence = fence }
    :: atomic { stored.refresh != 0 && stored.access != first.access && !expired -> goto settled }
    fi;

refreshInTurn:
    atomic {
      rounds++;
#ifdef NO_SECOND_READ
      mine.refresh = first.refresh;
      mine.access = first.access
#else
      mine.refresh = stored.refresh;
      mine.access = stored.access;
      before = mine.refresh;
      if
      :: mine.refresh == 0 -> goto released                        /* signed-out */
      :: mine.refresh != 0 && !expired -> goto released            /* useStored() */
      :: else -> seenSignOuts = signOuts
      fi
#endif
    }

    /* RecordKeeper.ensureWritable() */
    replace(mine.refresh, mine, true);
    if
    :: !written && rounds < 3 && !lostRecordLock[me] -> goto refreshInTurn
    :: !written && (rounds == 3 || lostRecordLock[me]) -> goto released
    :: written
    fi;
    atomic {
#ifndef NO_LOCK_CHECK
      if :: lostRecordLock[me] -> goto released :: else fi;       /* lockLostError() */
#endif
      phase[me] = CHECKED
    }
#ifdef FREED_EARLY
    release(recordLock);
#endif

    /* refreshOnce() */
    atomic {
      assertOneRefresh();
      answer[me] = NOTHING;
      request[me] = mine.refresh;
      newest.access++;
      got.access = newest.access;
      phase[me] = SPENT
    }
    /* callRefresh() */
    if
    :: answer[me] == LOST -> goto released
    :: atomic { answer[me] == REFUSED -> phase[me] = IDLE }
    :: atomic {
         answer[me] != NOTHING && answer[me] < LOST -> got.refresh = answer[me]; answer[me] = NOTHING; goto advance
       }
    fi;

    /* needsSignIn: the store is read once more before the refusal is believed. */
    atomic {
      if
      :: stored.refresh != mine.refresh && rounds < 3 && !lostRecordLock[me] -> goto refreshInTurn
      :: stored.refresh != mine.refresh && (rounds == 3 || lostRecordLock[me]) -> goto released
      :: stored.refresh == mine.refresh && lostRecordLock[me] -> goto released
      :: else -> first.refresh = mine.refresh
      fi
    }
    release(recordLock);
    goto signInInTurn;

    /* RecordKeeper.advance() */
advance:
    replace(mine.refresh, got, true);
    /* The store refused the write of a lock that was lost: saveAgain(), outside the task. */
    if
    :: written || !lostRecordLock[me]
    :: !written && lostRecordLock[me] ->
       if
       :: got.refresh != mine.refresh -> replace(mine.refresh, got, false)
       :: got.refresh == mine.refresh ->
          /* Compare-and-swap sees neither a refresh of another process nor its test write: RecordKeeper.#pay() waits for the lock */
#ifndef LATE_WRITE_UNLOCKED
          atomic { recordLock == FREE -> recordLock = me; lostRecordLock[me] = false; fence++; myFence = fence };
#endif
#ifndef UNORDERED
          atomic {
            if
            :: stored.refresh != mine.refresh || stored.access >= got.access -> goto released       /* isBefore() */
            :: else
            fi
          }
#endif
#ifdef LATE_WRITE_UNLOCKED
          replace(mine.refresh, got, false)
#else
          replace(mine.refresh, got, true)
#endif
       fi
    fi;
    goto released;

signInInTurn:
    phase[me] = IDLE;
    rounds = 0;
#ifndef NO_SIGN_IN_LOCK
    atomic { signInLock == FREE -> signInLock = me; lostSignInLock[me] = false };
#endif
    atomic {
      before = stored.refresh;
      seenSignOuts = signOuts;
#ifndef NO_LOOK_BEFORE_WINDOW
      if
      :: before != 0 && before != first.refresh -> goto signInEnds       /* tokensFromOtherSignIn() */
      :: before == 0 && first.refresh != 0 -> goto signInEnds            /* signed-out */
      :: lostSignInLock[me] -> goto signInEnds                           /* lockLostError() */
      :: else
      fi;
#endif
      /* 4. One window of all processes, and only if no sign-in is stored. */
      i = 0;
      do
      :: i < PROCESSES -> assert(EXCUSED || !asks[i] || crashed[i]); i++
      :: else -> break
      od;
      assert(EXCUSED || before == 0);
      asks[me] = true
    }
    /* SignInAttempt: the person signs in, and the code is redeemed. */
    atomic {
      newest.refresh++;
      newest.access++;
      signedInWith = newest.refresh;
      earlierRevoked = revoked;
      revoked = false;
      asks[me] = false;
      mine.refresh = newest.refresh;
      mine.access = newest.access;
      phase[me] = REDEEMED
    }
    /* RecordKeeper.put() */
    atomic { recordLock == FREE -> recordLock = me; lostRecordLock[me] = false; fence++; myFence = fence };
put:
    atomic {
      first.refresh = stored.refresh;
#ifndef SIGN_OUT_IGNORED
      if
      :: before != 0 && first.refresh == 0 -> goto signInEnds                              /* signed-out */
      :: (lostSignInLock[me] || lostRecordLock[me]) && first.refresh != before -> goto signInEnds   /* isLate() */
      :: else
      fi
#endif
    }
    replace(first.refresh, mine, true);
    if
    :: !written && !lostRecordLock[me] -> goto put
    :: !written && lostRecordLock[me] -> excused = true
    :: written
    fi;
signInEnds:
    phase[me] = IDLE;
    release(signInLock);

released:
    phase[me] = IDLE;
    release(recordLock);
settled:
    atomic { ended[me] = true; running-- }
  } unless {
    atomic {
      crashed[me];
#ifndef LEASE
      /* The kernel releases the locks of a process that ends. */
      if :: recordLock == me -> recordLock = FREE :: else fi;
      if :: signInLock == me -> signInLock = FREE :: else fi;
#endif
      running--
    }
  }
}

/* What happens to process i: the provider answers its requests, whatever became of the sender; it crashes; an answer gets lost. */
proctype Surroundings(byte i) {
end:
  do
  :: atomic {
       request[i] != NOTHING ->
       if
#ifdef STRICT
       :: request[i] >= signedInWith && (request[i] != newest.refresh || revoked) ->
          revoked = true; answer[i] = REFUSED
#endif
       /* Tokens of an earlier sign-in, which went on beside this one. */
       :: request[i] < signedInWith && earlierRevoked -> answer[i] = REFUSED
       :: request[i] < signedInWith && !earlierRevoked -> answer[i] = OF_EARLIER_SIGN_IN
       :: else ->
#ifndef KEEPS
          newest.refresh++;
#endif
          answer[i] = newest.refresh
       fi;
       request[i] = NOTHING
     }
  :: atomic {
       crashes > 0 && !crashed[i] && !ended[i] -> crashes--; crashed[i] = true;
       if :: phase[i] >= SPENT -> excused = true :: else fi
     }
  :: atomic {
       lostAnswers > 0 && phase[i] == SPENT && answer[i] != NOTHING && answer[i] < LOST ->
       lostAnswers--; answer[i] = LOST; excused = true
     }
#ifdef LEASE
  /* A lease ends by the database's clock. An owner that was only stopped finds out from `lock.signal`. */
  :: atomic { recordLock == i && crashed[i] -> recordLock = FREE }
  :: atomic { signInLock == i && crashed[i] -> signInLock = FREE }
  :: atomic {
       recordLock == i && !crashed[i] && pauses > 0 -> pauses--; recordLock = FREE; lostRecordLock[i] = true;
       if :: phase[i] != IDLE -> excused = true :: else fi
     }
  :: atomic {
       /* The window of its owner stays open, and another process may open one. */
       signInLock == i && !crashed[i] && pauses > 0 -> pauses--; signInLock = FREE; lostSignInLock[i] = true; excused = true
     }
#endif
  od
}

/* What happens to all: the access token expires again, and a person signs out in another process. */
proctype World() {
end:
  do
  :: atomic { expiries > 0 && stored.refresh != 0 && !expired -> expiries--; expired = true }
  :: atomic { signOuts < SIGN_OUTS && stored.refresh != 0 -> signOuts++; stored.refresh = 0; stored.access = 0 }
  od
}

/* When every call has settled, and no request is on its way. */
proctype AtTheEnd() {
  byte i;
  atomic {
    running == 0;
    /* 5. No sign-in is lost: what is stored is what the provider gave out last, and it still takes it. */
    assert(EXCUSED || stored.refresh == 0 || !revoked && stored.refresh == newest.refresh);
    assert(EXCUSED || stored.refresh != 0 || signOuts > 0 || newest.refresh == 0)
  }
}

init {
  byte i;
  atomic {
#ifndef SIGNED_OUT
    stored.refresh = 1;
    stored.access = 1;
    newest.refresh = 1;
    newest.access = 1;
    expired = true;
#endif
    run World();
    run AtTheEnd();
    i = 0;
    do
    :: i < PROCESSES -> run Process(i); run Surroundings(i); i++
    :: else -> break
    od
  }
}
