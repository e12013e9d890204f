import type Provider from 'oidc-provider';
import { renderErrorPage } from './error-page.ts';
import { describeError, toMicrosoftError } from './microsoft-errors.ts';

const otherTenant = /^\/(?!consumers\/)[^/]+\/oauth2\/v2\.0\/(?<endpoint>authorize|token|devicecode)$/;

/** Refuses `/common` and other tenants: these apps are for personal accounts only, and Microsoft serves those under `/consumers` alone. */
export function refuseOtherTenants(): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    const { endpoint } = otherTenant.exec(ctx.path)?.groups ?? {};
    if (!endpoint) return next();
    const error = Object.assign(new Error('wrong tenant'), { error: 'invalid_request', error_detail: 'wrong tenant' });
    ctx.status = 400;
    if (endpoint === 'authorize') renderErrorPage(ctx, undefined, error);
    else ctx.body = toMicrosoftError(describeError(ctx, error));
  };
}
