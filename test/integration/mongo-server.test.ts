import { MongoBackend } from '@agendajs/mongo-backend';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Agenda, type Job } from 'agenda';
import { type Db, type Document, MongoClient, type MongoServerError, ObjectId } from 'mongodb';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { type MongoTestServer, startMongoServer } from '../support/mongo-server/launch.js';

let server: MongoTestServer;
let client: MongoClient;
let db: Db;
const itOnOwn = (process.env['MONGODB_URL'] ?? '') === '' ? it : it.skip;

beforeAll(async () => {
  server = await startMongoServer();
  console.log(`The MongoDB tests run on ${server.engine}.`);
  client = new MongoClient(server.url('sparekey_server'), { serverSelectionTimeoutMS: 5_000 });
  db = client.db();
});
beforeEach(async () => {
  await db.dropDatabase();
});
afterAll(async () => {
  await client.close();
  await server.stop();
});

const codeOf = async (work: Promise<unknown>): Promise<number | string | undefined> =>
  await work.then(
    () => undefined,
    (error: MongoServerError) => error.code,
  );

describe('documents', () => {
  it('are inserted, found, counted and deleted', async () => {
    const things = db.collection('things');
    const { insertedId } = await things.insertOne({ name: 'a', at: new Date(1_000), nested: { list: [1, 2] } });
    await things.insertMany([{ name: 'b' }, { name: 'c' }]);
    expect(await things.findOne({ _id: insertedId })).toEqual({
      _id: insertedId,
      name: 'a',
      at: new Date(1_000),
      nested: { list: [1, 2] },
    });
    expect(await things.countDocuments({ name: { $ne: 'b' } })).toBe(2);
    expect(await things.estimatedDocumentCount()).toBe(3);
    expect(await things.deleteOne({ name: 'a' })).toMatchObject({ deletedCount: 1 });
    expect(await things.deleteMany({})).toMatchObject({ deletedCount: 2 });
    expect(await codeOf(things.insertMany([{ _id: insertedId }, { _id: insertedId }]))).toBe(11_000);
  });

  it('come in order, in part and in batches', async () => {
    const things = db.collection<{ _id: number; even: boolean; text: string }>('things');
    const all = Array.from({ length: 250 }, (_, n) => ({ _id: n, even: n % 2 === 0, text: `t${n}` }));
    await things.insertMany(all);
    expect(await things.find({}, { batchSize: 40 }).toArray()).toEqual(all);
    const page = things.find({ even: true }, { sort: { _id: -1 }, skip: 1, limit: 2, projection: { text: 1 } });
    expect(await page.toArray()).toEqual([
      { _id: 246, text: 't246' },
      { _id: 244, text: 't244' },
    ]);
    expect(await things.find({ _id: 3 }).project({ text: 0 }).toArray()).toEqual([{ _id: 3, even: false }]);
    expect(new Set(await things.distinct('even'))).toEqual(new Set([false, true]));
    const groups = things.aggregate([{ $group: { _id: '$even', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]);
    expect(await groups.toArray()).toEqual([
      { _id: false, n: 125 },
      { _id: true, n: 125 },
    ]);
  });

  it('match as a queue asks for them', async () => {
    const jobs = db.collection('jobs');
    const [old, soon] = [new Date(1_000), new Date(2_000)];
    const ids = Array.from({ length: 5 }, () => new ObjectId());
    await jobs.insertMany([
      { _id: ids[0], name: 'never locked', nextRunAt: old },
      { _id: ids[1], name: 'not locked', lockedAt: null, nextRunAt: soon },
      { _id: ids[2], name: 'locked long ago', lockedAt: old },
      { _id: ids[3], name: 'just locked', lockedAt: soon, nextRunAt: old },
      { _id: ids[4], name: 'done', lockedAt: null, nextRunAt: null },
    ]);
    const names = async (filter: Document) => (await jobs.find(filter).toArray()).map(({ name }) => String(name));
    const due = { lockedAt: { $eq: null }, nextRunAt: { $lte: soon } };
    expect(await names({ $or: [due, { lockedAt: { $lte: old } }] })).toEqual([
      'never locked',
      'not locked',
      'locked long ago',
    ]);
    expect(await names({ nextRunAt: { $ne: null } })).toEqual(['never locked', 'not locked', 'just locked']);
    expect(await names({ _id: { $in: [ids[0], ids[4]] } })).toEqual(['never locked', 'done']);
    expect(await names({ _id: { $nin: ids.slice(1) } })).toEqual(['never locked']);
    expect(await names({ name: { $regex: '^NOT|^done$', $options: 'i' } })).toEqual(['not locked', 'done']);
    expect(await names({ name: /locked$/, nextRunAt: { $exists: true, $gt: old } })).toEqual(['not locked']);
  });
});

describe('updates', () => {
  it('change what they say and count what they changed', async () => {
    const things = db.collection('things');
    await things.insertMany([
      { n: 1, old: true },
      { n: 1, old: true },
    ]);
    const update = { $set: { 'at.deep': new Date(5) }, $inc: { n: 2 }, $unset: { old: true } };
    expect(await things.updateMany({ n: 1 }, update)).toMatchObject({ matchedCount: 2, modifiedCount: 2 });
    expect(await things.findOne({}, { projection: { _id: 0 } })).toEqual({ n: 3, at: { deep: new Date(5) } });
    expect(await things.updateOne({ n: 3 }, { $set: { n: 3 } })).toMatchObject({ matchedCount: 1, modifiedCount: 0 });
    expect(await things.replaceOne({ n: 3 }, { only: 'this' })).toMatchObject({ modifiedCount: 1 });
    expect(await things.countDocuments({ only: 'this', n: { $exists: false } })).toBe(1);
  });

  it('insert what an upsert does not find', async () => {
    const things = db.collection('things');
    const upsert = async () =>
      await things.updateOne(
        { key: 'k', state: { $ne: 'off' } },
        { $set: { seen: true }, $setOnInsert: { first: 1 }, $inc: { times: 1 } },
        { upsert: true },
      );
    const inserted = await upsert();
    expect(inserted).toMatchObject({ matchedCount: 0, upsertedCount: 1 });
    expect(inserted.upsertedId).toBeInstanceOf(ObjectId);
    expect(await upsert()).toMatchObject({ matchedCount: 1, modifiedCount: 1, upsertedCount: 0 });
    expect(await things.find({}, { projection: { _id: 0 } }).toArray()).toEqual([
      { key: 'k', seen: true, first: 1, times: 2 },
    ]);
  });

  it('by findAndModify give the document before or after', async () => {
    const things = db.collection('things');
    await things.insertMany([{ rank: 2 }, { rank: 1 }, { rank: 3 }]);
    const first = { sort: { rank: 1 } } as const;
    expect(await things.findOneAndUpdate({}, { $inc: { rank: 10 } }, first)).toMatchObject({ rank: 1 });
    const after = { ...first, returnDocument: 'after', projection: { _id: 0 } } as const;
    expect(await things.findOneAndUpdate({}, { $set: { taken: true } }, after)).toEqual({ rank: 2, taken: true });
    expect(await things.findOneAndDelete({}, first)).toMatchObject({ rank: 2, taken: true });
    expect(await things.findOneAndUpdate({ rank: 99 }, { $set: { x: 1 } })).toBeNull();
    const upsert = { upsert: true, ...after };
    expect(await things.findOneAndUpdate({ rank: 99 }, { $set: { x: 1 } }, upsert)).toEqual({ rank: 99, x: 1 });
    expect(await things.countDocuments()).toBe(3);
  });

  it('that cannot be are refused and leave the document alone', async () => {
    const things = db.collection('things');
    await things.insertOne({ text: 'x', nothing: null });
    const before = await things.findOne();
    const refusals: [Document, number][] = [
      [{ $set: { seen: true }, $inc: { text: 1 } }, 14],
      [{ $set: { 'nothing.more': 1 } }, 28],
      [{ $set: { _id: new ObjectId() } }, 66],
      [{ $set: { seen: 1 }, $setOnInsert: { seen: 2 } }, 40],
    ];
    for (const [update, code] of refusals) expect(await codeOf(things.updateOne({}, update))).toBe(code);
    expect(await things.findOne()).toEqual(before);
  });
});

describe('a unique partial index', () => {
  const ONE_PER_NAME = { unique: true, partialFilterExpression: { type: 'single' } } as const;

  it('lets one of two concurrent inserts through', async () => {
    const jobs = db.collection('jobs');
    await jobs.createIndex({ name: 1, type: 1 }, ONE_PER_NAME);
    const codes = await Promise.all([1, 2].map((n) => codeOf(jobs.insertOne({ name: 'j', type: 'single', n }))));
    expect(new Set(codes)).toEqual(new Set([11_000, undefined]));
    await jobs.insertMany([
      { name: 'j', type: 'normal' },
      { name: 'j', type: 'normal' },
    ]);
    expect(await jobs.countDocuments()).toBe(3);
  });

  it('holds for updates, upserts and findAndModify, and says which key it was', async () => {
    const jobs = db.collection('jobs');
    await jobs.createIndex({ name: 1, type: 1 }, ONE_PER_NAME);
    await jobs.insertMany([{ name: 'a', type: 'single' }, { name: 'b', type: 'single' }, { name: 'a' }]);
    const rename = { $set: { name: 'a' } };
    const error = await jobs.findOneAndUpdate({ name: 'b' }, rename).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 11_000, keyPattern: { name: 1, type: 1 } });
    expect(error).toMatchObject({
      keyValue: { name: 'a', type: 'single' },
      message: expect.stringMatching(/^E11000 duplicate key error/),
    });
    expect(await codeOf(jobs.updateOne({ name: 'b' }, rename))).toBe(11_000);
    expect(await codeOf(jobs.updateMany({ name: 'a' }, { $set: { type: 'single' } }))).toBe(11_000);
    const upsert = jobs.updateOne({ name: 'c' }, { $setOnInsert: { type: 'single' }, ...rename }, { upsert: true });
    expect(await codeOf(upsert)).toBe(11_000);
    await jobs.updateOne({ name: 'a', type: 'single' }, { $set: { name: 'free' } });
    expect(await codeOf(jobs.updateOne({ name: 'b' }, rename))).toBeUndefined();
  });

  it('is listed, refused where duplicates are, and dropped', async () => {
    const jobs = db.collection('jobs');
    await jobs.insertMany([
      { name: 'a', type: 'single' },
      { name: 'a', type: 'single' },
    ]);
    expect(await codeOf(jobs.createIndex({ name: 1, type: 1 }, ONE_PER_NAME))).toBe(11_000);
    await jobs.deleteOne({});
    expect(await jobs.createIndex({ name: 1, type: 1 }, ONE_PER_NAME)).toBe('name_1_type_1');
    expect(await jobs.createIndex({ name: 1, type: 1 }, ONE_PER_NAME)).toBe('name_1_type_1');
    expect(await codeOf(jobs.createIndex({ name: 1 }, { name: 'name_1_type_1' }))).toBe(86);
    expect((await jobs.indexes()).map(({ name }) => name)).toEqual(['_id_', 'name_1_type_1']);
    await jobs.dropIndex('name_1_type_1');
    expect(await codeOf(jobs.insertOne({ name: 'a', type: 'single' }))).toBeUndefined();
    expect(await db.listCollections({}, { nameOnly: true }).toArray()).toMatchObject([{ name: 'jobs' }]);
    expect(await jobs.drop()).toBe(true);
    expect(await jobs.find().toArray()).toEqual([]);
  });
});

describe('a server that fails', () => {
  itOnOwn('loses nothing that it acknowledged when it is killed', async () => {
    const things = db.collection<{ _id: number; at?: Date }>('things');
    await things.createIndex({ at: 1 }, { unique: true, partialFilterExpression: { at: { $exists: true } } });
    const acknowledged: number[] = [];
    const insert = async () => {
      for (let n = 0; ; n += 1) {
        await things.insertOne({ _id: n });
        acknowledged.push(n);
      }
    };
    const ended = insert().catch((error: unknown) => error);
    await eventually(() => acknowledged.length >= 100);
    await server.kill();
    expect(await ended).toBeInstanceOf(Error);
    await server.restart();
    const kept = new Set((await things.find().toArray()).map(({ _id }) => _id));
    expect(acknowledged.filter((n) => !kept.has(n))).toEqual([]);
    expect(kept.size - acknowledged.length).toBeLessThanOrEqual(1);
    await things.updateOne({ _id: 1 }, { $set: { at: new Date(1) } });
    await things.deleteOne({ _id: 2 });
    await server.restart();
    expect(await things.find({ _id: { $in: [1, 2] } }).toArray()).toEqual([{ _id: 1, at: new Date(1) }]);
    expect(await codeOf(things.insertOne({ _id: -1, at: new Date(1) }))).toBe(11_000);
  });

  itOnOwn('is outlived by the driver when it cannot be reached for a while', async () => {
    const things = db.collection('things');
    await things.insertOne({ n: 1 });
    await server.cut();
    const impatient = new MongoClient(server.url('sparekey_server'), { serverSelectionTimeoutMS: 200 });
    await expect(impatient.db().command({ ping: 1 })).rejects.toThrow('ECONNREFUSED');
    await impatient.close();
    await server.mend();
    expect(await things.findOne()).toMatchObject({ n: 1 });
    expect(await things.insertOne({ n: 2 })).toMatchObject({ acknowledged: true });
  });

  itOnOwn('ends by itself when its parent goes away', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sparekey-mongo-'));
    const main = join(import.meta.dirname, '..', 'support', 'mongo-server', 'main.ts');
    const child = spawn(process.execPath, [main, '--file', join(folder, 'data.log')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdin.destroy();
    expect(await exited).toEqual([0, null]);
    await rm(folder, { recursive: true });
  });
});

describe('Agenda', () => {
  const agendas: Agenda[] = [];

  async function openAgenda(name: string, defaultLockLifetime = 30_000): Promise<Agenda> {
    await db.command({ ping: 1 });
    const backend = new MongoBackend({ mongo: db });
    const agenda = new Agenda({ backend, name, processEvery: 100, defaultLockLifetime });
    agenda.on('error', () => undefined);
    await agenda.ready;
    agendas.push(agenda);
    return agenda;
  }

  function define(agenda: Agenda, name: string, work: (job: Job) => Promise<void>): void {
    const defineAsync: (name: string, work: (job: Job) => Promise<void>) => void = agenda.define.bind(agenda);
    defineAsync(name, work);
  }

  afterEach(async () => {
    await Promise.all(agendas.splice(0).map((agenda) => agenda.drain({ timeout: 5_000 })));
  });

  it('runs a job and keeps how it ended', async () => {
    const agenda = await openAgenda('one');
    const given: unknown[] = [];
    define(agenda, 'greet', async (job) => void given.push(job.attrs.data));
    await agenda.start();
    await agenda.now('greet', { name: 'Ada' });
    await eventually(async () => (await agenda.queryJobs({ state: 'completed' })).total === 1);
    expect(given).toEqual([{ name: 'Ada' }]);
    expect(await agenda.queryJobs({ search: 'GRE', limit: 1 })).toMatchObject({ total: 1, jobs: [{ name: 'greet' }] });
  });

  it('gives each job to one of two instances', async () => {
    const pair = await Promise.all(['one', 'two'].map((name) => openAgenda(name)));
    const runs: { readonly by: number; readonly id: string }[] = [];
    for (const [by, agenda] of pair.entries()) {
      define(agenda, 'count', async (job) => {
        runs.push({ by, id: String(job.attrs._id) });
        await delay(20);
      });
    }
    await Promise.all(Array.from({ length: 60 }, (_, n) => (pair[0] as Agenda).now('count', { n })));
    await Promise.all(pair.map((agenda) => agenda.start()));
    await eventually(async () => (await (pair[0] as Agenda).queryJobs({ state: 'completed' })).total === 60);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(60);
    expect(runs).toHaveLength(60);
    expect(new Set(runs.map(({ by }) => by)).size).toBe(2);
  });

  it('takes over a job whose holder let its lock expire', async () => {
    const [crashed, heir] = [await openAgenda('crashed', 1_500), await openAgenda('heir', 1_500)];
    await crashed.now('orphan');
    const now = new Date();
    const options = { lastModifiedBy: 'crashed' };
    const claimed = await crashed.db.getNextJobToRun('orphan', now, new Date(now.getTime() - 1_500), now, options);
    expect(claimed).toMatchObject({ name: 'orphan', lockedAt: now });
    const runs: number[] = [];
    define(heir, 'orphan', async () => void runs.push(Date.now() - now.getTime()));
    await heir.start();
    await eventually(() => runs.length > 0);
    await delay(300);
    expect(runs).toHaveLength(1);
    expect(runs[0]).toBeGreaterThanOrEqual(1_500);
  });

  itOnOwn('goes on after its server was killed', async () => {
    const agenda = await openAgenda('one');
    const runs: number[] = [];
    define(agenda, 'note', async (job) => void runs.push((job.attrs.data as { n: number }).n));
    await agenda.start();
    await agenda.now('note', { n: 1 });
    await eventually(async () => (await agenda.queryJobs({ state: 'completed' })).total === 1);
    await server.kill();
    await delay(300);
    await server.restart();
    await agenda.now('note', { n: 2 });
    await eventually(() => runs.includes(2));
    expect(runs).toEqual([1, 2]);
  });
});
