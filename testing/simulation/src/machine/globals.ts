import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import crypto from 'node:crypto';
import os from 'node:os';
import { streams } from './choices.ts';
import type { Machine } from './machine.ts';
import { forgetSchedule, SimulatedController, SimulatedSignal } from './signals.ts';
import { Timer } from './timer.ts';

/** The machine whose schedule runs. One at a time: the code under test takes its clock from here. */
let machine: Machine | undefined;

export function useMachine(next: Machine | undefined): void {
  machine = next;
  forgetSchedule();
}

function running(): Machine {
  if (!machine) throw new Error('the clock was asked outside of a schedule');
  return machine;
}

/** Every process has a wall clock of its own. Without a process it is the world's. */
class SimulatedDate extends Date {
  constructor(...values: ConstructorParameters<typeof Date> | []) {
    if (values.length === 0) super(SimulatedDate.now());
    else super(...values);
  }

  static override now(): number {
    const { current, wallNow } = running();
    return current ? current.wallNow : wallNow;
  }
}

const maxDelayMs = 2 ** 31 - 1;

function setTimeout<Args extends unknown[]>(run: (...args: Args) => void, milliseconds = 0, ...args: Args): Timer {
  const machine = running();
  // As Node does with what does not fit.
  const delay = milliseconds > maxDelayMs ? 1 : milliseconds;
  return machine.setTimer(machine.current, delay, args.length === 0 ? (run as () => void) : () => run(...args));
}

function clearTimeout(timer: Timer | undefined): void {
  if (timer instanceof Timer) timer.finish();
}

/** A snapshot as Node makes it, but without the two getters of each, which take ten times as long as the rest. */
class FastLocalStorage<Store> extends AsyncLocalStorage<Store> {
  static override snapshot(): ReturnType<typeof AsyncLocalStorage.snapshot> {
    const resource = new AsyncResource('snapshot');
    return (call, ...args) => resource.runInAsyncScope(call, undefined, ...args);
  }
}

/** Modules of Node in which the simulation has another class. */
export const simulatedModules: ReadonlyMap<string, unknown> = new Map([
  ['node:async_hooks', { AsyncLocalStorage: FastLocalStorage }],
  ['node:crypto', { ...crypto, randomBytes: (size: number) => Buffer.alloc(size, `${++running().randoms} `) }],
  ['node:os', { ...os, uptime: () => running().now / 1_000 }],
  ['node:timers/promises', { setTimeout: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) }],
]);

/** What Node gives every module, as the code under test sees it. Everything else is Node's own. */
export const simulatedGlobals = {
  Date: SimulatedDate,
  performance: { now: (): number => running().now - (running().current?.sleptMs ?? 0) },
  setTimeout,
  clearTimeout,
  setImmediate: (run: () => void): void => running().enqueue(running().current, '', run),
  Math: Object.create(Math, {
    random: { value: () => running().choices.below(streams.random, 2 ** 30) / 2 ** 30 },
  }) as typeof Math,
  AbortController: SimulatedController,
  AbortSignal: SimulatedSignal,
};
