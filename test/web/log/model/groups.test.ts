import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildGroups, MARKER_PATTERN, type Marker, markerOf } from '../../../../web/log/model/groups.ts';

const parse = (lines: readonly string[]) =>
  buildGroups(
    lines.map((text, i) => markerOf(i + 1, text)).filter((marker): marker is Marker => marker !== undefined),
    lines.length,
  ).map(({ start, end, title, depth }) => [start, end, title, depth]);

const groups = suite('groups');

groups('GitHub and Azure pairs nest', () => {
  assert.equal(
    parse(['::group::Build', 'a', '##[group]Inner', 'b', '##[endgroup]', 'c', '::endgroup::', 'd']),
    [
      [1, 7, 'Build', 0],
      [3, 5, 'Inner', 1],
    ],
  );
});

groups("Buildkite's sections last until the next one", () => {
  assert.equal(parse(['--- Setup', 'a', '+++ :hammer: Build', 'b', '~~~ Quiet', 'c']), [
    [1, 2, 'Setup', 0],
    [3, 4, ':hammer: Build', 0],
    [5, 6, 'Quiet', 0],
  ]);
});

groups("GitLab's sections have names, durations and may start closed", () => {
  const lines = [
    'section_start:1560896352:my_section[collapsed=true]\r\u001b[0KThe header',
    'a',
    'section_end:1560896355:my_section\r\u001b[0K',
  ];
  const markers = lines.map((text, i) => markerOf(i + 1, text)).filter((marker) => marker !== undefined);
  assert.equal(buildGroups(markers, 3), [
    { start: 1, end: 3, title: 'The header', depth: 0, closed: true, durationMs: 3000 },
  ]);
});

groups('the head of a diff is not a section', () => {
  assert.equal(parse(['--- a/file.ts', '+++ b/file.ts', '@@ -1 +1 @@']), []);
});

groups('an end without a beginning is text, a beginning without an end lasts to the last line', () => {
  assert.equal(parse(['::endgroup::', '::group::Open', 'a', 'b']), [[2, 4, 'Open', 0]]);
});

groups('everything that is a marker is found by the pattern that the server is asked for', () => {
  const pattern = new RegExp(MARKER_PATTERN, 'i');
  for (const line of [
    '::group::x',
    '::endgroup::',
    '##[group]x',
    '##[endgroup]',
    '--- x',
    '+++ x',
    '~~~ x',
    '^^^ +++',
    'section_start:1:a',
    'section_end:1:a',
  ]) {
    assert.ok(markerOf(1, line), line);
    assert.ok(pattern.test(line), line);
  }
  for (const line of ['plain', ' ::group::x', '---', '----- x', 'x --- y'])
    assert.not(markerOf(1, line), line);
});
groups.run();
