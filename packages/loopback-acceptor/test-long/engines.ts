import type { BrowserWindow } from 'testing-browsers/browser-window';
import { chromiumPath, openChromium } from 'testing-browsers/chromium';
import { type FirefoxSettings, type FirefoxWindow, firefoxPath, openFirefox } from 'testing-browsers/firefox';
import { openWebKit, webKitPath } from 'testing-browsers/webkit';

/** A browser as a user may have set it up. */
export interface Engine {
  readonly name: string;
  /** The Debian packages that are missing here. Empty if the browser can be started. */
  readonly missing: string;
  /** Starts it. `provider` is the host and the port of the provider's https site, which is on this machine. */
  open(provider: string): Promise<WatchedWindow>;
  /** Ends it, or keeps it for the next engine. */
  close(window: WatchedWindow): Promise<void>;
  /** Whether it looks for the icon of a page. Chromium does not if a test drives it. */
  readonly looksForIcons: boolean;
}

/** Which of these a window has depends on its engine. */
export interface WatchedWindow extends BrowserWindow {
  messages?(): Promise<string[]>;
  history?(): Promise<string[]>;
  visited?(): Promise<string[]>;
}

const chromiumIsMissing = chromiumPath ? '' : 'chromium';
const firefoxIsMissing = firefoxPath ? '' : 'firefox-esr';
const webKitIsMissing = webKitPath ? '' : 'webkit2gtk-driver xvfb';

const end = async (window: WatchedWindow): Promise<void> => window[Symbol.asyncDispose]();

/** One Firefox for all settings, because a start takes most of the time. */
let firefox: FirefoxWindow | undefined;

async function openFirefoxWith(settings: FirefoxSettings): Promise<FirefoxWindow> {
  firefox ??= await openFirefox();
  await firefox.renew(settings);
  return firefox;
}

export const engines: readonly Engine[] = [
  { name: 'Chromium', missing: chromiumIsMissing, open: () => openChromium(), close: end, looksForIcons: false },
  {
    // Chromium asks before a public site may reach this machine. The provider of the tests is on this machine, that of a user is not.
    name: 'Chromium, the provider on a public address',
    missing: chromiumIsMissing,
    open: (provider) => openChromium({ args: [`--ip-address-space-overrides=${provider}=public`] }),
    close: end,
    looksForIcons: false,
  },
  {
    name: 'Firefox',
    missing: firefoxIsMissing,
    open: () => openFirefoxWith({}),
    close: async () => {},
    looksForIcons: true,
  },
  {
    name: 'Firefox, the provider on a public address',
    missing: firefoxIsMissing,
    open: (provider) => openFirefoxWith({ 'network.lna.address_space.public.override': provider }),
    close: async () => {},
    looksForIcons: true,
  },
  {
    name: 'Firefox in HTTPS-Only mode',
    missing: firefoxIsMissing,
    open: () => openFirefoxWith({ 'dom.security.https_only_mode': true }),
    close: end,
    looksForIcons: true,
  },
  { name: 'WebKit', missing: webKitIsMissing, open: openWebKit, close: end, looksForIcons: true },
];
