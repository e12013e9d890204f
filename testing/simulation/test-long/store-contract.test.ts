import type { TokenStore } from 'shared-token';
import { storeContract } from 'token-store-kit/contract';
import { test } from 'uvu';
import { History } from '../src/history.ts';
import { Choices } from '../src/machine/choices.ts';
import { Machine, Process } from '../src/machine/machine.ts';
import { storeKinds } from '../src/models/model-store.ts';
import { openModelStore } from '../src/models/process-store.ts';

/** A timer of one millisecond means: behind the steps that are due. On a busy machine these take longer. */
const minTimerMs = 100;

/** A machine whose steps come by themselves and whose timers are Node's: for cases that wait for real time. */
class RealTimeMachine extends Machine {
  override enqueue(process: Process | undefined, _label: unknown, run: () => void): void {
    if (process) process.refs++;
    setImmediate(() => {
      if (process) process.refs--;
      this.now = performance.now();
      run();
    });
  }

  override setTimer(process: Process | undefined, milliseconds: number, run: () => void) {
    const timer = super.setTimer(process, milliseconds, run);
    const real = setTimeout(
      () => {
        if (!timer.isDone) {
          timer.finish();
          this.now = performance.now();
          timer.run();
        }
      },
      Math.max(milliseconds, minTimerMs),
    );
    const { finish } = timer;
    timer.finish = () => {
      clearTimeout(real);
      finish.call(timer);
    };
    return timer;
  }
}

/** The model knows only the calls that shared-token makes. It does not check arguments, and copies no record that it is given. */
const isAboutArguments =
  /TypeError|RangeError|refused|argument|unusable|well-formed|wrong type|name may be|surrogate|timeout of Infinity/i;

for (const kind of storeKinds) {
  const shared = new WeakMap<TokenStore, () => TokenStore>();
  const open = (): TokenStore => {
    const machine = new RealTimeMachine(new Choices(1));
    const history = new History(machine);
    const store = openModelStore(history, { kind, tells: true, faultOneIn: 0, lateOneIn: 0, isSilent: false });
    store.report = (fact) => history.record(fact);
    let processes = 0;
    const openNext = (): TokenStore => {
      const opened = store.open(new Process(machine, ++processes));
      shared.set(opened, openNext);
      return opened;
    };
    return openNext();
  };
  const share = (store: TokenStore): TokenStore => (shared.get(store) as () => TokenStore)();
  for (const { name, run } of storeContract({ open, share })) {
    if (!isAboutArguments.test(name)) test(`the model of a store, ${kind}: ${name}`, run);
  }
}

test.run();
