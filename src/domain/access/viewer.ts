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

export const SERVICE_OPERATIONS = ['ISSUE', 'VERIFY', 'READ'] as const;

/** What a service key may be allowed to do for its users. */
export type ServiceOperation = (typeof SERVICE_OPERATIONS)[number];

/** A host application's back end with its service key, for one of its users or for none. */
export interface ServiceCaller {
  readonly kind: 'service';
  readonly serviceKeyId: string;
  readonly operations: readonly ServiceOperation[];
  /** Undefined where it named nobody. */
  readonly subject: Subject | undefined;
  /** The user's IP address; undefined where it was not told. */
  readonly clientAddress: string | undefined;
}

/** The user that a service key acts for. */
export interface Subject {
  /** `service:<realm>`, the origin of the realm's accounts. */
  readonly origin: string;
  /** The host application's own id of the user. */
  readonly externalId: string;
  /** Undefined until codes are issued. */
  readonly accountId: string | undefined;
  readonly sessionId: string;
  readonly limitSubject: string;
}

/** Whose codes something is done with, and by whom: the account that is signed in, or the user that a service key acts for. */
export interface Holder extends Pick<SignedIn, 'sessionId' | 'method' | 'limitSubject'> {
  /** Undefined for a user without an account. */
  readonly accountId: string | undefined;
  /** What is looked up as theirs: of a user without an account, what belongs to nobody. */
  readonly ownerId: string;
  readonly serviceKeyId?: string | undefined;
}

/** The caller, as far as rules care. */
export type Viewer = Anonymous | Rejected | SignedIn | ServiceCaller;

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
