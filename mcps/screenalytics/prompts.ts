import type { FacePrompt, PromptArgument } from '#mcps/kit/server-face.ts';
import { completeEpisode, completePerson, completeShow } from './completions.ts';

const episode: PromptArgument = {
  name: 'episode',
  description: 'Episode id, like rhobh-s05e17',
  required: true,
  complete: completeEpisode,
};

/** What a person typed, so that it cannot be taken for the rest of the sentence. */
const said = (text: string | undefined) => JSON.stringify(text ?? '');

/** Ways into the work: what an older version had as pages. */
export const prompts: readonly FacePrompt[] = [
  {
    name: 'upload_and_run',
    title: 'Run an episode',
    description: 'From a video file to screen time per person.',
    args: [
      { name: 'source', description: 'Path of the video', required: true },
      { name: 'show', description: 'Short code of the show', required: false, complete: completeShow },
      { name: 'season', description: 'Season number', required: false },
      { name: 'number', description: 'Episode number', required: false },
    ],
    text: ({ source, show, season, number }) =>
      `Run the video ${said(source)}${show ? ` as episode ${said(number)} of season ${said(season)} of the show ${said(show)}` : ''}. ` +
      'First call plan_run and tell me what it will take. Then run_stage, and get_job until it is done. Then get_screen_time, and show me who was seen for ' +
      'how long. Say how many are unknown, and offer to review their faces.',
  },
  {
    name: 'browse_episodes',
    title: 'Episodes',
    description: 'What there is, and how it stands.',
    args: [{ name: 'show', description: 'Only of this show', required: false, complete: completeShow }],
    text: ({ show }) =>
      `List the episodes${show ? ` of the show ${said(show)}` : ''} with search_catalog: id, title, status and what could be done next with each. ` +
      'Follow `next` until the list ends.',
  },
  {
    name: 'episode_detail',
    title: 'An episode',
    description: 'Its video, runs, people, and what is doubtful.',
    args: [episode],
    text: ({ episode: ep }) =>
      `Tell me about the episode ${said(ep)}: call get_episode, get_screen_time and get_diagnostics. Say which runs there are, who was ` +
      'recognised, who is unknown, and what I should look at.',
  },
  {
    name: 'review_faces',
    title: 'Review faces',
    description: 'Questions about faces, the most important first.',
    args: [episode],
    text: ({ episode: ep }) =>
      `Review the faces of the episode ${said(ep)} with me. Call list_low_confidence_tracks; for each question show me the contact sheet ` +
      '(show_faces) with the candidates, and ask me who it is. Write my answer with assign_identity, by the numbers of the sheet where ' +
      'only some faces are meant. Do not guess: what I do not know stays open. After each answer tell me what changed.',
  },
  {
    name: 'screen_time',
    title: 'Screen time',
    description: 'Who was seen for how long.',
    args: [episode, { name: 'person', description: 'Only this person', required: false, complete: completePerson }],
    text: ({ episode: ep, person }) =>
      `Show me the screen time ${person ? `of ${said(person)} in` : 'of'} the episode ${said(ep)} with get_screen_time as a table with intervals of confidence, unknown people last. ` +
      'Then offer to export it (export_screen_time: csv, json or html).',
  },
  {
    name: 'health',
    title: 'Health',
    description: 'Whether this machine has what a run needs.',
    args: [],
    text: () => 'Check this machine with check_health. Tell me what is missing or slow, and how to mend each.',
  },
];
