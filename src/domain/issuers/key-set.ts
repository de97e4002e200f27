import { type CryptoKey, importJWK } from 'jose';
import { z } from 'zod';

const MOST_KID_CHARACTERS = 255;

/** What every member of a set has to be like, whatever its kind: for signatures, and without anything secret. */
const forSignatures = {
  kid: z.string().min(1).max(MOST_KID_CHARACTERS).optional(),
  use: z.literal('sig').default('sig'),
  key_ops: z
    .array(z.string())
    .refine((operations) => operations.includes('verify'))
    .optional(),
  d: z.undefined().optional(),
};

const usableMember = z.union([
  z.object({
    kty: z.literal('RSA'),
    alg: z.literal('RS256').default('RS256'),
    n: z.string(),
    e: z.string(),
    ...forSignatures,
  }),
  z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    alg: z.literal('ES256').default('ES256'),
    x: z.string(),
    y: z.string(),
    ...forSignatures,
  }),
  z.object({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    alg: z.literal('EdDSA').default('EdDSA'),
    x: z.string(),
    ...forSignatures,
  }),
]);

const keySet = z.object({ keys: z.array(z.unknown()) });

/** The public half of a key that signs tokens, and nothing else that came with it. */
export type PublicJwk = Omit<z.output<typeof usableMember>, 'd' | 'key_ops'>;

/** How tokens of trusted issuers may be signed. Each kind of key proves one of them only. */
export type SigningAlgorithm = PublicJwk['alg'];

const LEAST_RSA_BITS = 2048;

/**
 * The members of a JSON Web Key Set that can prove tokens. All others are passed over, as the standard asks: symmetric
 * ones, private halves (which should not be there, so that nothing signed by them is proven), weak ones and those for
 * other uses.
 */
export async function usableKeys(document: unknown): Promise<readonly PublicJwk[]> {
  const members = keySet.safeParse(document).data?.keys ?? [];
  const keys = await Promise.all(members.map(usableKey));
  return keys.filter((key) => key !== undefined);
}

async function usableKey(member: unknown): Promise<PublicJwk | undefined> {
  const { data } = usableMember.safeParse(member);
  if (data === undefined) return undefined;
  const { d: _, key_ops: __, ...jwk } = data;
  return (await isStrong(jwk)) ? jwk : undefined;
}

async function isStrong(jwk: PublicJwk): Promise<boolean> {
  try {
    const { algorithm } = await imported(jwk);
    return !('modulusLength' in algorithm) || (algorithm.modulusLength as number) >= LEAST_RSA_BITS;
  } catch {
    return false;
  }
}

async function imported(jwk: PublicJwk): Promise<CryptoKey> {
  return await importJWK(jwk, jwk.alg);
}

/** What the header of a token says of the key that signed it. */
export interface KeyWanted {
  readonly kid: string | undefined;
  readonly alg: SigningAlgorithm;
}

export type KeyFound = CryptoKey | 'unknown' | 'unfit';

/** The keys of one issuer, made ready as they are needed. */
export class KeySet {
  readonly #byKid: ReadonlyMap<string | undefined, readonly PublicJwk[]>;
  readonly #ready = new Map<PublicJwk, Promise<CryptoKey>>();

  constructor(private readonly keys: readonly PublicJwk[]) {
    this.#byKid = Map.groupBy(keys, ({ kid }) => kid);
  }

  /**
   * The key with this id, `unfit` where it is for another algorithm. A token that names none is proven by the only key
   * that there is for its algorithm.
   */
  async find({ kid, alg }: KeyWanted): Promise<KeyFound> {
    const named = kid === undefined ? this.keys : (this.#byKid.get(kid) ?? []);
    const fitting = named.filter((jwk) => jwk.alg === alg);
    const [jwk] = fitting;
    if (jwk === undefined) return kid === undefined || named.length === 0 ? 'unknown' : 'unfit';
    return kid === undefined && fitting.length > 1 ? 'unfit' : await this.#readyKey(jwk);
  }

  async #readyKey(jwk: PublicJwk): Promise<CryptoKey> {
    const ready = this.#ready.get(jwk) ?? imported(jwk);
    this.#ready.set(jwk, ready);
    return await ready;
  }
}
