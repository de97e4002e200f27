import { v7 as newId } from 'uuid';
import { requireAdmin } from '../../access/rules.js';
import type { Origin, Viewer } from '../../access/viewer.js';
import type { Database } from '../../database.js';
import { BadUserInputError, ConflictError, NotFoundError } from '../../errors.js';
import { type EventSource, sourceOf } from '../../events/event-source.js';
import { raise } from '../../events/raise.js';
import { isId } from '../../ids.js';
import type { JobStore } from '../../jobs/job-store.js';
import type { DomainSettings } from '../../settings.js';
import type { TaskName } from '../registry.js';
import type { ReportMail } from '../report.js';
import { nextRun, type ScheduleType } from './next-run.js';
import { parseSchedule, type ScheduleInput, timingOf } from './parse-schedule.js';
import type { ScheduleState, StoredSchedule } from './schedule.js';

/** When a task runs, as an admin defined it. */
export interface Schedule {
  readonly id: string;
  readonly name: string;
  readonly task: TaskName;
  readonly type: ScheduleType;
  readonly cron: string | null;
  readonly timeZone: string;
  readonly runAt: Date;
  readonly nextRunAt: Date | null;
  readonly lastRunAt: Date | null;
  readonly isEnabled: boolean;
  readonly retentionDays: number | null;
  readonly deleteEmptyBatches: boolean;
  readonly maxDeletionsPerRun: number | null;
  readonly useLogger: boolean;
  readonly emailReport: ReportMail;
}

const NAME_TAKEN = 'Another schedule has this name.';
const MAX_TRIES = 5;

/** What admins do with schedules. Every method checks first who asks. */
export class Schedules {
  constructor(
    private readonly db: Database,
    private readonly parts: { readonly settings: DomainSettings; readonly jobs: JobStore },
  ) {}

  /** By name. @throws JobsUnavailableError, as every method here */
  async list(viewer: Viewer): Promise<readonly Schedule[]> {
    requireAdmin(viewer);
    const stored = await this.parts.jobs.schedules.list();
    return stored.map((schedule) => this.#told(schedule));
  }

  async find(viewer: Viewer, id: string): Promise<Schedule | undefined> {
    requireAdmin(viewer);
    const [stored] = await this.byIds([id]);
    return stored;
  }

  /** In the order of the ids, for those who hold them by right. */
  async byIds(ids: readonly string[]): Promise<readonly (Schedule | undefined)[]> {
    const wanted = [...new Set(ids.filter((id) => isId(id)))];
    const stored = wanted.length === 0 ? [] : await this.parts.jobs.schedules.find(wanted);
    const byId = new Map(stored.map((schedule) => [schedule.data.id, this.#told(schedule)]));
    return ids.map((id) => byId.get(id));
  }

  /** @throws BadUserInputError, ConflictError for a name that is taken */
  async create(viewer: Viewer, origin: Origin, input: ScheduleInput): Promise<Schedule> {
    const admin = requireAdmin(viewer);
    const state = parseSchedule(input, { settings: this.parts.settings, now: new Date(), id: newId() });
    await this.db.transaction().execute(async (tx) => {
      await this.#audit(tx, { source: sourceOf(admin, origin), action: 'SCHEDULE_CREATED', about: state });
      if (!(await this.parts.jobs.schedules.insert(tx, state))) throw new ConflictError(NAME_TAKEN, 'input.name');
    });
    return await this.#saved(state, null);
  }

  /** Absent fields stay, null ones become the default. @throws NotFoundError, BadUserInputError, ConflictError */
  async update(viewer: Viewer, origin: Origin, change: { id: string; input: ScheduleInput }): Promise<Schedule> {
    const admin = requireAdmin(viewer);
    const { id, input } = change;
    return await this.#change({ id, source: sourceOf(admin, origin) }, (current) =>
      parseSchedule(input, { settings: this.parts.settings, now: new Date(), current, id }),
    );
  }

  /** @throws NotFoundError, BadUserInputError for one whose time has passed */
  async setEnabled(viewer: Viewer, origin: Origin, change: { id: string; enabled: boolean }): Promise<Schedule> {
    const admin = requireAdmin(viewer);
    const { id, enabled } = change;
    return await this.#change({ id, source: sourceOf(admin, origin) }, (current) => {
      if (enabled === current.isEnabled) return undefined;
      const nextRunAt = enabled ? nextRun(timingOf(current.data), new Date()) : null;
      if (enabled && nextRunAt === null) {
        throw new BadUserInputError('enabled', 'Its time has passed: update the schedule with a later runAt.');
      }
      const data = { ...current.data, revision: current.data.revision + 1 };
      return { data, isEnabled: enabled, nextRunAt };
    });
  }

  /** Leaves no job of it; what it has reported stays. @throws NotFoundError */
  async delete(viewer: Viewer, origin: Origin, id: string): Promise<void> {
    const admin = requireAdmin(viewer);
    const stored = await this.#existing(id);
    await this.remove(sourceOf(admin, origin), stored);
  }

  /** Of one that was just read; false where it has gone since. */
  async remove(source: EventSource, stored: StoredSchedule): Promise<boolean> {
    return await this.db.transaction().execute(async (tx) => {
      if (!(await this.parts.jobs.schedules.remove(tx, stored.data.id))) return false;
      await this.#audit(tx, { source, action: 'SCHEDULE_DELETED', about: stored });
      return true;
    });
  }

  /** Change after change, until nobody was faster. Undefined from `change`: it is so already. */
  async #change(
    of: { readonly id: string; readonly source: EventSource },
    change: (current: StoredSchedule) => ScheduleState | undefined,
  ): Promise<Schedule> {
    for (let tried = 0; tried < MAX_TRIES; tried += 1) {
      const current = await this.#existing(of.id);
      const state = change(current);
      if (state === undefined) return this.#told(current);
      const outcome = await this.#replace(current, state, of.source);
      if (outcome === 'name taken') throw new ConflictError(NAME_TAKEN, 'input.name');
      if (outcome === 'replaced') return await this.#saved(state, current.lastRunAt);
    }
    throw new ConflictError('Others are changing this schedule at the moment. Try again.');
  }

  async #replace(
    { data: { revision } }: StoredSchedule,
    state: ScheduleState,
    source: EventSource,
  ): Promise<'replaced' | 'changed' | 'name taken'> {
    return await this.db.transaction().execute(async (tx) => {
      const outcome = await this.parts.jobs.schedules.replace(tx, revision, state);
      if (outcome === 'replaced') await this.#audit(tx, { source, action: 'SCHEDULE_UPDATED', about: state });
      return outcome;
    });
  }

  async #existing(id: string): Promise<StoredSchedule> {
    const [stored] = isId(id) ? await this.parts.jobs.schedules.find([id]) : [];
    if (stored === undefined) throw new NotFoundError('schedule');
    return stored;
  }

  async #saved(state: ScheduleState, lastRunAt: Date | null): Promise<Schedule> {
    await this.parts.jobs.wakeWorkers();
    return this.#told({ ...state, lastRunAt });
  }

  async #audit(
    tx: Database,
    of: {
      readonly source: EventSource;
      readonly action: `SCHEDULE_${'CREATED' | 'UPDATED' | 'DELETED'}`;
      readonly about: Pick<StoredSchedule, 'data'>;
    },
  ): Promise<void> {
    const { name, task } = of.about.data;
    await raise(tx, [{ ...of.source, action: of.action, reason: `${task}: ${name}` }]);
  }

  #told({ data, isEnabled, nextRunAt, lastRunAt }: StoredSchedule): Schedule {
    const { revision: _, runAt, deleteEmptyBatches, useLogger, ...rest } = data;
    return {
      ...rest,
      runAt: new Date(runAt),
      nextRunAt,
      lastRunAt,
      isEnabled,
      deleteEmptyBatches: deleteEmptyBatches ?? true,
      useLogger: useLogger ?? this.parts.settings.purge.useLogger,
    };
  }
}
