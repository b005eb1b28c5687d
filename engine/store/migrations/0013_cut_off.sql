-- What was approved, or goes on after it waited, and whose process is gone, comes to an end.
-- up
alter table sa.proposal add column seen_at timestamptz; -- when who runs it last said that it is at it
-- Of an older program that died: whether it wrote is not known any more.
update sa.proposal set status = 'failed', result = '{}' where status = 'approved' and started_at is not null
  and not exists (select from sa.job j where j.proposal_id = proposal.proposal_id and j.state in ('queued', 'running'));
alter table sa.playbook_run add column seen_at timestamptz; -- the same of who goes on with it
alter table sa.playbook_run add column queue text; -- of whose home: the transcript lies there
alter table sa.playbook_run drop constraint playbook_run_state_check;
alter table sa.playbook_run add constraint playbook_run_state_check
  check (state in ('waiting', 'running', 'done', 'failed', 'proposed', 'canceled', 'cut_off'));
-- down
update sa.playbook_run set state = 'failed' where state = 'cut_off';
alter table sa.playbook_run drop constraint playbook_run_state_check;
alter table sa.playbook_run add constraint playbook_run_state_check
  check (state in ('waiting', 'running', 'done', 'failed', 'proposed', 'canceled'));
alter table sa.playbook_run drop column queue, drop column seen_at;
alter table sa.proposal drop column seen_at;
