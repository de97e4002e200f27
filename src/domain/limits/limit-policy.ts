/** What is limited together; the schema's directive names it. */
export type LimitPolicy = 'GENERATE' | 'VERIFY' | 'SIGN_IN' | 'SEND_MAIL';
