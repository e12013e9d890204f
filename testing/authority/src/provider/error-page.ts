import { escapeHtml, renderPage } from '../sign-in/page.ts';
import { describeError, type RequestContext } from './microsoft-errors.ts';

/** The page for an error that must not go to an app: an unknown app, a wrong redirect URI, a sign-in that is over. */
export function renderErrorPage(
  ctx: RequestContext & { type: string; body: unknown },
  _out: unknown,
  error: Error,
): void {
  const { description, correlationId, traceId, timestamp } = describeError(ctx, error);
  ctx.type = 'html';
  ctx.body = renderPage(
    'Sorry, but we’re having trouble signing you in.',
    `<p role="alert">${escapeHtml(description)}</p>
<dl>
<dt>Request Id</dt><dd>${traceId}</dd>
<dt>Correlation Id</dt><dd>${correlationId}</dd>
<dt>Timestamp</dt><dd>${timestamp}</dd>
</dl>`,
  );
}
