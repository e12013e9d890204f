/** One window of a real browser, used as a user would: every engine has the same methods. */
export interface BrowserWindow extends AsyncDisposable {
  /** Goes to an address. Resolves when the page is there, or when there is an error page in its place. */
  open(url: string): Promise<void>;
  /** What the address bar holds. */
  address(): Promise<string>;
  /** The value of a JavaScript expression in the page. It has to fit in JSON. */
  evaluate(expression: string): Promise<unknown>;
  /** Types into the first element of a CSS selector, with the keyboard. Waits until the element is there. */
  type(selector: string, text: string): Promise<void>;
  /** Clicks the first element of a CSS selector, with the mouse. Waits until the element is there. */
  click(selector: string): Promise<void>;
  /** A picture of the page, as PNG. */
  takePicture(): Promise<Buffer>;
}

/** How long one step of a browser may take. Generous, because the machine may be busy with other work. */
export const stepTimeoutMs = 60_000;

/** How long to wait before a condition is looked at again. */
const lookIntervalMs = 50;

/**
 * Resolves with the first result of `look` that is not undefined and not false. A page may be between two documents, so an error of
 * `look` counts as "not yet". Rejects after `stepTimeoutMs` with the last error as the cause.
 */
export async function waitUntil<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + stepTimeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const result = await look();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${stepTimeoutMs / 1000} s`, { cause });
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
  }
}

/** The text that the page shows. */
export async function textOf(window: BrowserWindow): Promise<string> {
  return String(await window.evaluate('document.body ? document.body.innerText : ""'));
}
