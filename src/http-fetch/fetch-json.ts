import type { IncomingMessage } from 'node:http';
import type { FetchFailure, FetchJson } from '../domain/issuers/fetch-json.js';
import { FetchRefusedError, guardedRequest, type Reach } from './guarded-request.js';

const MOST_BYTES = 256 * 1024;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const OK = 200;
const REDIRECTS = { from: 300, to: 399 };

/** Fetches documents from the public internet: no redirect is followed and no proxy asked. */
export function createFetchJson(reach: Reach): FetchJson {
  return async (url, ending) => {
    try {
      const answer = await guardedRequest(new URL(url), reach, ending);
      return { isFetched: true, body: await readJson(answer) };
    } catch (cause) {
      return { isFetched: false, failure: ending.aborted ? 'TOO_SLOW' : failureOf(cause), cause };
    }
  };
}

function failureOf(error: unknown): FetchFailure {
  return error instanceof FetchRefusedError ? error.failure : 'UNREACHABLE';
}

async function readJson(answer: IncomingMessage): Promise<unknown> {
  try {
    checkHead(answer);
    return parsed(await readAll(answer));
  } finally {
    answer.destroy();
  }
}

function checkHead({ statusCode = 0, headers }: IncomingMessage): void {
  if (statusCode !== OK) throw new FetchRefusedError(failureWith(statusCode), `The status was ${statusCode}.`);
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  if (!JSON_TYPE.test(type)) throw notJson('The answer does not say that it is JSON.');
  if (encoding !== 'identity') throw notJson('The answer was compressed.');
}

function failureWith(status: number): FetchFailure {
  return status >= REDIRECTS.from && status <= REDIRECTS.to ? 'REDIRECTED' : 'HTTP_ERROR';
}

async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new FetchRefusedError('TOO_LARGE', `The answer had more than ${MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a parser complains of quotes the text, so it is not kept. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw notJson('The answer is no JSON.');
  }
}

function notJson(message: string): FetchRefusedError {
  return new FetchRefusedError('NOT_JSON', message);
}
