import Bowser from 'bowser';
import { networkOf } from '../domain/access/network.js';
import type { Origin, ServiceCaller } from '../domain/access/viewer.js';
import type { RequestFacts } from './request-facts.js';

const MAX_USER_AGENT = 512;

/** The parser answers what it does not know with a part of the header, whatever was written there. */
const KNOWN_NAMES: ReadonlySet<string> = new Set([
  ...Object.values(Bowser.BROWSER_MAP),
  ...Object.values(Bowser.OS_MAP),
]);

/** Where a request came from, as rules, audit and notices know it. Lazily: most operations ask for little of it. */
export function originOf(facts: RequestFacts): Origin {
  return {
    get address() {
      return facts.address;
    },
    get network() {
      return networkOf(facts.address);
    },
    get userAgent() {
      return recognizedAgent(facts.userAgent);
    },
  };
}

/** Where a service key's user is, as far as it is told: the request itself comes from the host application. */
export function originOfUser({ clientAddress: address }: Pick<ServiceCaller, 'clientAddress'>): Origin {
  return { address, network: networkOf(address), userAgent: undefined };
}

/** "Firefox on Linux"; undefined for what is not recognised. The header itself goes nowhere. */
export function recognizedAgent(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  const { browser, os } = Bowser.parse(header.slice(0, MAX_USER_AGENT));
  const names = [browser.name, os.name].filter((name) => name !== undefined && KNOWN_NAMES.has(name));
  return names.length === 0 ? undefined : names.join(' on ');
}
