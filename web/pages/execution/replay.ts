/** Plays an execution's log with its own timing, 1 to 100 times as fast. */
import { h } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { tell } from '../../app/state.ts';
import { duration } from '../../lib/format.ts';
import { cutsAt, lastSeqAt, spanOf } from '../../log/model/timeline.ts';
import type { LogSession } from '../../log/session.ts';
import type { Outline } from '../../types.ts';
import { Button } from '../../ui/button.ts';

const SPEEDS = [1, 2, 5, 10, 25, 50, 100];

interface ReplayProps {
  session: LogSession;
  onClose: () => void;
}

/** The clock of a replay. Calls `onTime` once a frame. */
function useReplayClock(lengthMs: number, onTime: ((ms: number) => void) | undefined) {
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const [at, setAt] = useState(0);
  /** Read and changed by each frame; `at` is updated when the difference can be seen. */
  const clock = useRef({ at: 0, playing, speed });
  Object.assign(clock.current, { playing, speed });

  useEffect(() => {
    if (!onTime) return undefined;
    let before = performance.now();
    const tick = (now: number) => {
      const state = clock.current;
      if (state.playing) {
        state.at = Math.min(lengthMs, state.at + (now - before) * state.speed);
        if (state.at >= lengthMs) setPlaying(false);
      }
      before = now;
      onTime(state.at);
      const step = Math.max(30, lengthMs / 2000);
      setAt((old) => (Math.abs(old - state.at) > step || state.at === lengthMs ? state.at : old));
      frame = requestAnimationFrame(tick);
    };
    let frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [onTime !== undefined]);

  function seek(ms: number) {
    clock.current.at = ms;
    setAt(ms);
  }
  return {
    at,
    playing,
    speed,
    seek,
    setSpeed,
    play: () => setPlaying(true),
    toggle() {
      if (!playing && clock.current.at >= lengthMs) seek(0);
      setPlaying(!playing);
    },
  };
}

/** Shows the log as it was at a time. Draws only when something differs. */
function createReplayer(session: LogSession, outline: Outline, first: number) {
  let shown = '';
  return (ms: number) => {
    const seq = lastSeqAt(outline, first + ms);
    const cuts = cutsAt(outline, first + ms);
    const wanted = `${seq} ${[...cuts]}`;
    if (wanted === shown) return;
    shown = wanted;
    session.replayTo(seq, cuts);
  };
}

/** The outline that a replay needs; closes the replay when there is none. */
function useOutline({ session, onClose }: ReplayProps): Outline | undefined {
  const [outline, setOutline] = useState<Outline>();
  useEffect(() => {
    session.outline().then(
      (found) => {
        if (found.runs.length) {
          setOutline(found);
          return;
        }
        tell('There is no output to replay.');
        onClose();
      },
      (error: Error) => {
        tell(error.message, 'error');
        onClose();
      },
    );
    return () => session.replayTo(undefined);
  }, []);
  return outline;
}

function SpeedSelect({ speed, onSpeed }: { speed: number; onSpeed: (speed: number) => void }) {
  return h(
    'label',
    { class: 'replay-speed' },
    h('span', { class: 'visually-hidden' }, 'Speed'),
    h(
      'select',
      {
        value: String(speed),
        onChange: (event: Event) => onSpeed(Number((event.target as HTMLSelectElement).value)),
      },
      SPEEDS.map((value) => h('option', { key: value, value: String(value) }, `${value}×`)),
    ),
  );
}

export function Replay({ session, onClose }: ReplayProps) {
  const outline = useOutline({ session, onClose });
  const { first, last } = outline ? spanOf(outline) : { first: 0, last: 0 };
  const length = Math.max(1, last - first);
  const replayer = useMemo(() => outline && createReplayer(session, outline, first), [outline]);
  const clock = useReplayClock(length, replayer);
  useEffect(() => {
    if (outline) clock.play();
  }, [outline]);
  return h(
    'div',
    { class: 'replay', role: 'group', 'aria-label': 'Replay' },
    h(Button, {
      label: clock.playing ? 'Pause' : 'Play',
      icon: clock.playing ? 'pause' : 'play',
      iconOnly: true,
      disabled: !outline,
      onClick: clock.toggle,
    }),
    h('input', {
      type: 'range',
      'aria-label': 'Time in the execution',
      'aria-valuetext': `${duration(clock.at)} of ${duration(length)}`,
      min: 0,
      max: length,
      step: Math.max(1, length / 1000),
      value: clock.at,
      disabled: !outline,
      onInput: (event: Event) => clock.seek(Number((event.target as HTMLInputElement).value)),
    }),
    h('output', { class: 'replay-time' }, `${duration(clock.at)} / ${duration(length)}`),
    h(SpeedSelect, { speed: clock.speed, onSpeed: clock.setSpeed }),
    h(Button, { label: 'End replay', icon: 'close', iconOnly: true, onClick: onClose }),
  );
}
