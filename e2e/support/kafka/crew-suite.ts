import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Broker, startBroker } from '../kafka.ts';
import { Crew, type CrewOptions, type Hand, share, slotsOf, until } from './crew.ts';
import { type Laid, layPair, type Pair } from './pair.ts';
import { TO_END } from './running.ts';

/**
 * What a suite of processes that share a pipeline stands on: a broker, what an undisturbed run of a pipeline leaves, and one crew a test. To be made within `describe`. What a crew
 * has said is shown where its test fails.
 */
export class CrewSuite {
  readonly base: string;
  readonly #more: string | undefined;
  #broker: Broker | undefined;
  #laid: Laid | undefined;
  #crew: Crew | undefined;

  /** `more`: what each crew's profile says besides */
  constructor(name: string, pair: Pair, more?: string) {
    this.base = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
    this.#more = more;
    beforeAll(async () => {
      [this.#broker, this.#laid] = await Promise.all([startBroker(), layPair(pair, this.base)]);
      for (const [output, lines] of Object.entries(this.laid.expected)) expect(lines.length, `${output} has lines`).toBeGreaterThan(0);
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') console.log(this.#crew?.said);
      await this.#crew?.kill();
    });
    afterAll(async () => {
      await this.#broker?.close();
      rmSync(this.base, { recursive: true, force: true });
    });
  }

  get broker(): Broker {
    return this.#broker as Broker;
  }

  get laid(): Laid {
    return this.#laid as Laid;
  }

  /** the test's */
  get crew(): Crew {
    return this.#crew as Crew;
  }

  /** `from`: another pair than the suite's */
  async lay(tag: string, options: CrewOptions = {}, from = this.laid): Promise<Crew> {
    const more = options.more ?? this.#more;
    this.#crew = await Crew.lay(from, this.broker.brokers, join(this.base, tag), tag, { ...options, ...(more === undefined ? {} : { more }) });
    return this.#crew;
  }

  /** Resolves when these have all slots between them. */
  shareOut(...hands: readonly Hand[]): Promise<void> {
    const have = (): string => hands.map((hand) => `${hand.name} ${JSON.stringify(slotsOf(hand))}`).join(', ');
    return until(
      () => `they share the slots: ${have()}`,
      () => share(hands),
    );
  }

  /** Ends all that run, in good order. */
  async stop(): Promise<void> {
    for (const { code, stderr } of await this.crew.stop()) expect(code, stderr).toBe(0);
  }

  /** Ends all that run, and lets one process come to the end of the input: what is there then is what there is to be. */
  async finish(): Promise<void> {
    const { crew } = this;
    await this.stop();
    const { code, stderr } = await crew.start('last', TO_END).run.finished;
    expect(code, stderr).toBe(0);
    expect(await crew.wrong()).toBe('');
  }
}
