import type { Patch } from './machine/load-package.ts';

/** A mistake in shared-token's protocol, as other lines in the place of some of its own. */
export interface Defect {
  /** What the wrong code does. */
  readonly name: string;
  readonly patches: readonly Patch[];
  /** The simulation finds it within so many schedules, from seed 1 on. */
  readonly within: number;
}

const patch = (file: string, from: string, to: string): Patch => ({ file, from, to });

/**
 * Mistakes that the simulation has to find. `from` is a quotation of shared-token: if you change those lines, change them here as
 * well. If a mistake cannot be made any more, delete it.
 */
export const defects: readonly Defect[] = [
  {
    name: 'does not read again under the lock',
    patches: [
      patch(
        'refresh.ts',
        '    const record = await keeper.read();\n    // Thrown',
        '    const record = round === 0 ? first : await keeper.read();\n    // Thrown',
      ),
    ],
    within: 2_000,
  },
  {
    name: 'writes without compare-and-swap',
    patches: [
      patch(
        'record-keeper.ts',
        'const written = await store.replace(name, replaces, record);',
        'await store.set(name, record);\n    const written = true;',
      ),
    ],
    within: 2_000,
  },
  {
    name: 'spends the refresh token without a test write',
    patches: [patch('refresh.ts', 'if (!(await keeper.ensureWritable(record))) continue;', '')],
    within: 20_000,
  },
  {
    name: 'counts no sign-outs',
    patches: [patch('record-keeper.ts', '    this.signOuts++;\n', '')],
    within: 2_000,
  },
  {
    name: 'refreshes without the lock',
    patches: [
      patch(
        'refresh.ts',
        'const outcome = await keeper.exclusively(settings.name, refresh, {',
        'const outcome = await ((_name: unknown, task: (lock: Lock) => Promise<SilentOutcome>, _options: unknown) => task({ signal: new AbortController().signal }))(settings.name, refresh, {',
      ),
    ],
    within: 200,
  },
  {
    name: 'releases the lock before the answer is stored',
    patches: [
      patch(
        'refresh.ts',
        '    return refreshInTurn(context, first, request, lock);',
        '    early = refreshInTurn(context, first, request, lock);\n    early.catch(() => {});\n    return undefined as never;',
      ),
      patch(
        'refresh.ts',
        '    return outcome;\n  } catch (error) {\n    if (!token',
        '    return outcome ?? (await early!);\n  } catch (error) {\n    if (!token',
      ),
      patch(
        'refresh.ts',
        '  let held: Lock | undefined;\n',
        '  let held: Lock | undefined;\n  let early: Promise<SilentOutcome> | undefined;\n',
      ),
    ],
    within: 500,
  },
  {
    name: 'sends the refresh token again after a lost answer',
    patches: [
      patch(
        'refresh.ts',
        'const answer = callUserCode(async () => refresh({ ...record }, { signal }));',
        'const answer = callUserCode(async () => refresh({ ...record }, { signal }).catch(() => refresh({ ...record }, { signal })));',
      ),
    ],
    within: 2_000,
  },
];
