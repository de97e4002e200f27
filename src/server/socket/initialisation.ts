import { CloseCode } from 'graphql-ws';
import type { Logger } from 'pino';
import { isDatabaseAway } from '../../domain/database-away.js';
import { UnavailableError } from '../../domain/errors.js';
import type { LiveSession } from '../../domain/live/live-session.js';
import type { RequestFacts } from '../request-facts.js';
import type { OpenSocket, SocketContext } from './open-socket.js';
import type { Slots } from './slots.js';

interface InitialisationParts {
  readonly logger: Logger;
  readonly accountSlots: Slots;
  /** Follows the session of an access token; undefined for a token that lets nobody in. */
  enter(token: string, onEnd: () => void, facts: RequestFacts): Promise<LiveSession | undefined>;
}

const BEARER = /^Bearer +(\S+)$/i;
/** RFC 6455's registry: the client may come again. */
const TRY_AGAIN_LATER = 1013;

/**
 * Lets a socket in by the access token that its first message carries, and closes it when what that stood for ends. False:
 * it is refused, by whatever it was closed with here, else as forbidden.
 */
export function initialisation(parts: InitialisationParts): (context: SocketContext) => Promise<boolean> {
  return async ({ connectionParams, extra }) => {
    const token = bearerToken(connectionParams);
    if (token === undefined) return false;
    const session = await enter(parts, token, extra);
    if (session === undefined) return false;
    extra.whenClosed.push(() => session.leave());
    const isOpen = extra.socket.readyState === extra.socket.OPEN;
    if (!isOpen || !takePlace(parts.accountSlots, session, extra)) {
      session.leave();
      return false;
    }
    extra.session = session;
    extra.initialised();
    return true;
  };
}

async function enter(parts: InitialisationParts, token: string, { socket, facts }: OpenSocket) {
  try {
    return await parts.enter(token, () => socket.close(CloseCode.Forbidden, 'Forbidden'), facts);
  } catch (error) {
    const isAway = error instanceof UnavailableError || isDatabaseAway(error);
    if (isAway) parts.logger.warn({ err: error }, 'A socket was put off.');
    else parts.logger.error({ err: error }, 'A socket could not be opened.');
    socket.close(
      isAway ? TRY_AGAIN_LATER : CloseCode.InternalServerError,
      isAway ? 'Try again later' : 'Internal server error',
    );
    return undefined;
  }
}

function takePlace(slots: Slots, { viewer }: LiveSession, { socket, whenClosed }: OpenSocket): boolean {
  const giveBack = viewer.kind === 'signed-in' ? slots.take(viewer.accountId) : undefined;
  if (giveBack !== undefined) whenClosed.push(giveBack);
  else socket.close(CloseCode.TooManyInitialisationRequests, 'Too many sockets of this account');
  return giveBack !== undefined;
}

/** The one access token, whatever the case of its key. */
function bearerToken(params: Readonly<Record<string, unknown>> = {}): string | undefined {
  const given = Object.entries(params).filter(([name]) => name.toLowerCase() === 'authorization');
  const [[, value] = []] = given;
  return given.length === 1 && typeof value === 'string' ? BEARER.exec(value)?.[1] : undefined;
}
