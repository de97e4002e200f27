export type Role = 'USER' | 'ADMIN';
export type SignInMethod = 'PASSWORD' | 'RECOVERY_CODE' | 'FEDERATED' | 'SERVICE';

/** Whoever asks without a token. */
export interface Anonymous {
  readonly kind: 'anonymous';
}

/** Whoever asks with a token that is not, or no longer, valid. */
export interface Rejected {
  readonly kind: 'rejected';
}

/** A signed-in account, in one session. */
export interface SignedIn {
  readonly kind: 'signed-in';
  readonly accountId: string;
  readonly role: Role;
  readonly sessionId: string;
  readonly method: SignInMethod;
  /** What its failed attempts are counted under, signed in or not: its address, or for one without, its id. */
  readonly limitSubject: string;
  /** Since the person last proved who they are, by the database's clock; refreshing does not renew it. */
  readonly secondsSinceAuthentication: number;
}

/** The caller, as far as rules care. */
export type Viewer = Anonymous | Rejected | SignedIn;

export const anonymous: Anonymous = { kind: 'anonymous' };
export const rejected: Rejected = { kind: 'rejected' };

/** Where a request came from. */
export interface Origin {
  /** The caller's IP address as text; undefined when it is not known. */
  readonly address: string | undefined;
  /** What limits count as one address (the IPv4 address, or the /64 of an IPv6 one); undefined: they are skipped. */
  readonly network: string | undefined;
  /** Recognised browser and system, such as "Firefox on Linux", never the raw header. */
  readonly userAgent: string | undefined;
}
