/** Loaded before a program: its wall clock is wrong by `CLOCK_SHIFT_MS`. */
const shiftMs = Number(process.env.CLOCK_SHIFT_MS);
const { now } = Date;
Date.now = () => now() + shiftMs;
globalThis.Date = class extends Date {
  constructor(...args: []) {
    super(...((args.length === 0 ? [Date.now()] : args) as []));
  }
} as DateConstructor;
