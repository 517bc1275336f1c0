/**
 * To be selected by each statement whose answer means "on disk": whatever the role or the database is set to, this
 * transaction's commit waits for it. In the statement itself, because a session may be another one each time.
 * `remote_write` and above wait for the local disk as well, and stay as they are
 * (https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT).
 */
export const durable = `(select case when current_setting('synchronous_commit') in ('off', 'local')
  then set_config('synchronous_commit', 'on', true) end)`;
