/** systemd's own opinion of our unit. @needs systemd */
import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';

const test = suite('systemd unit');

test('systemd finds nothing wrong with the unit', () => {
  const unit = new URL('../../deploy/linefeed.service', import.meta.url).pathname;
  execFileSync('systemd-analyze', ['verify', unit], { stdio: 'pipe' });
});

test.run();
