/** Plays an execution's log again with its own timing, 1 to 100 times as fast. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { tell } from '../../app/state.ts';
import { duration } from '../../lib/format.ts';
import { cutsAt, lastSeqAt, spanOf } from '../../log/model/timeline.ts';
import type { LogSession } from '../../log/session.ts';
import type { Outline } from '../../types.ts';
import { Button } from '../../ui/button.ts';

const SPEEDS = [1, 2, 5, 10, 25, 50, 100];

export interface ReplayProps {
  session: LogSession;
  onClose: () => void;
}

export function Replay({ session, onClose }: ReplayProps) {
  const [outline, setOutline] = useState<Outline>();
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const [at, setAt] = useState(0);
  const clock = useRef({ at: 0, playing: false, speed: 1 });
  clock.current.playing = playing;
  clock.current.speed = speed;

  const { first, last } = outline ? spanOf(outline) : { first: 0, last: 0 };
  const length = Math.max(1, last - first);

  useEffect(() => {
    session.outline().then(
      (found) => {
        if (!found.runs.length) {
          tell('Nothing was printed, so there is nothing to replay.');
          onClose();
          return;
        }
        setOutline(found);
        setPlaying(true);
      },
      (error: Error) => {
        tell(error.message, 'error');
        onClose();
      },
    );
    return () => session.replayTo(undefined);
  }, []);

  useEffect(() => {
    if (!outline) return undefined;
    let frame = 0;
    let before = performance.now();
    let shown = '';
    const tick = (now: number) => {
      const state = clock.current;
      if (state.playing) {
        state.at = Math.min(length, state.at + (now - before) * state.speed);
        if (state.at >= length) setPlaying(false);
      }
      before = now;
      const seq = lastSeqAt(outline, first + state.at);
      const cuts = cutsAt(outline, first + state.at);
      const wanted = `${seq} ${[...cuts]}`;
      if (wanted !== shown) {
        shown = wanted;
        session.replayTo(seq, cuts);
      }
      setAt((old) =>
        Math.abs(old - state.at) > Math.max(30, length / 2000) || state.at === length ? state.at : old,
      );
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [outline]);

  function seek(ms: number) {
    clock.current.at = ms;
    setAt(ms);
  }

  return h(
    'div',
    { class: 'replay', role: 'group', 'aria-label': 'Replay' },
    h(Button, {
      label: playing ? 'Pause' : 'Play',
      icon: playing ? 'pause' : 'play',
      iconOnly: true,
      disabled: !outline,
      onClick: () => {
        if (!playing && clock.current.at >= length) seek(0);
        setPlaying(!playing);
      },
    }),
    h('input', {
      type: 'range',
      'aria-label': 'Time in the execution',
      'aria-valuetext': `${duration(at)} of ${duration(length)}`,
      min: 0,
      max: length,
      step: Math.max(1, length / 1000),
      value: at,
      disabled: !outline,
      onInput: (event: Event) => seek(Number((event.target as HTMLInputElement).value)),
    }),
    h('output', { class: 'replay-time' }, `${duration(at)} / ${duration(length)}`),
    h(
      'label',
      { class: 'replay-speed' },
      h('span', { class: 'visually-hidden' }, 'Speed'),
      h(
        'select',
        {
          value: String(speed),
          onChange: (event: Event) => setSpeed(Number((event.target as HTMLSelectElement).value)),
        },
        SPEEDS.map((value) => h('option', { key: value, value: String(value) }, `${value}×`)),
      ),
    ),
    h(Button, { label: 'End replay', icon: 'close', iconOnly: true, onClick: onClose }),
  );
}
