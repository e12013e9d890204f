/**
 * Runs the tests of the package in the working directory:
 *
 *   node ../../scripts/suite.ts [--long] [--jobs N] [--deadline MILLISECONDS] [--retry] [FILE…]
 *
 * N processes run at a time, each with one file or with several small ones (`planProcesses` says which), and every file has a deadline.
 * This runner fails in four cases in which uvu alone would pass or wait for ever: a file that runs no test, a test that is `.only`, a hook
 * that throws, and a test that hangs.
 *
 * With `--retry`, a file that fails runs once more, alone, when all others have ended. If it passes then, it is listed as unstable, and the
 * suite passes. That is for `.ci/run` alone, whose machine may be busy. An unstable test is a defect all the same.
 *
 * A file that prints nothing but a line `skipped: …` and ends with status 0 is skipped. A test that prints such a line
 * counts as passed, and the line is shown.
 *
 * `--long` runs `test-long/` instead of `test/`, with a longer deadline. FILE is a part of a file's name: only such files run.
 */
import { readFileSync } from 'node:fs';
import { readTestOptions, runTestFiles } from './run-test-files.ts';
import { TestCount } from './test-count.ts';
import { findTestFiles } from './test-files.ts';

const options = readTestOptions();
const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
const files = findTestFiles(process.cwd(), options);
const total = new TestCount();
if (files.length === 0) total.fail(`no test file in ${name}/${options.long ? 'test-long' : 'test'}`);
for (const count of (await runTestFiles(files, options)).values()) total.add(count);
for (const reason of total.reasons) console.log(reason);
console.log(`${name}: ${total}`);
process.exitCode = total.failed > 0 ? 1 : 0;
