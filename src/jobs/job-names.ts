/** The one job of each schedule; its data is the schedule. */
export const SCHEDULE_JOB = 'cleanup';
/** These come by themselves each day, and are no schedules. */
export const REMINDERS_JOB = 'reminders';
export const ROTATE_KEYS_JOB = 'rotate-keys';
/** One-off jobs; their data are ids. */
export const RUN_JOB = 'run-cleanup';
export const REPORT_MAIL_JOB = 'report-mail';
export const CODE_MAIL_JOB = 'code-mail';

export const ONE_OFF_JOBS: readonly string[] = [RUN_JOB, REPORT_MAIL_JOB, CODE_MAIL_JOB];
