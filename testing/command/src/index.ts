export { type ChromiumSignIn, type LastPage, prepareChromiumSignIn, scriptedBrowser } from './browser-commands.ts';
export type { Called } from './call-command.ts';
export { CliHome, type RunOptions } from './cli-home.ts';
export { bin, commandNode, type Ended, type ProcessOptions, type Running, startCommand } from './run-command.ts';
export { openScene, openSignedInScene, type Scene } from './scene.ts';
export { doNothing, printToken } from './small-programs.ts';
