/** The SDK's types name this type of the DOM library, which Node's types do not have. */
type HeadersInit = NonNullable<RequestInit['headers']>;
