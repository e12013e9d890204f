/** Calls Microsoft Graph. */
export {};
