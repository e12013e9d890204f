/** Gives all callers, processes and machines that share a store one OAuth access token. */
export {};
