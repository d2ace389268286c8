import { expect, test } from 'vitest';
import { CardFraud } from './card-fraud.ts';

const START = Date.UTC(2018, 3, 1);
const DAY = 86_400_000;
const options = { seed: 7, customers: 1000, terminals: 2000, start: START, days: 40 };
const all = (simulation: CardFraud) => Array.from({ length: simulation.count as number }, (_, i) => simulation.at(i));

test('payments come in the order of time and can be asked for in any order', () => {
  const payments = all(new CardFraud(options));
  expect(payments.every((payment, i) => i === 0 || payment.t >= (payments[i - 1]?.t as number))).toBe(true);
  const again = new CardFraud(options);
  for (const i of [payments.length - 1, 0, 17_000, 16_999, 40_000]) expect(again.at(i)).toEqual(payments[i]);
  expect(all(new CardFraud({ ...options, days: 10 }))).toEqual(payments.filter(({ t }) => t < START + 10 * DAY));
  expect(all(new CardFraud({ ...options, seed: 8 })).slice(0, 100)).not.toEqual(payments.slice(0, 100));
});

test('upTo counts what has happened', () => {
  const simulation = new CardFraud(options);
  const payments = all(simulation);
  for (const t of [
    START - 1,
    START,
    START + 40_000_000,
    START + 5 * DAY - 1,
    START + 5 * DAY,
    payments[12_345]?.t as number,
    START + 40 * DAY,
    START + 99 * DAY,
  ])
    expect(simulation.upTo(t), String(t - START)).toBe(payments.filter((payment) => payment.t <= t).length);
  const endless = new CardFraud({ ...options, days: null });
  expect(endless.count).toBeNull();
  expect(endless.upTo(START + 100 * DAY)).toBeGreaterThan(payments.length);
});

test('people pay as the Handbook says: 2 a day on the mean, 52.5 each, around noon', () => {
  const payments = all(new CardFraud({ ...options, customers: 4000, terminals: 8000, days: 10 }));
  const honest = payments.filter(({ scenario }) => scenario < 2);
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  // a normal day's second falls outside the day in 3.1 % of draws; the amounts of heavy payers weigh as much as others'
  expect(payments.length / 4000 / 10).toBeGreaterThan(1.8);
  expect(payments.length / 4000 / 10).toBeLessThan(2.05);
  expect(Math.abs(mean(honest.map(({ amount }) => amount)) - 54)).toBeLessThan(2);
  expect(Math.abs(mean(honest.map(({ t }) => (t % DAY) / 1000)) - 43_200)).toBeLessThan(300);
  expect(payments.every(({ amount }) => Math.abs(amount * 100 - Math.round(amount * 100)) < 1e-6 && amount >= 0)).toBe(true);
  expect(payments.every(({ t }) => t % 1000 === 0)).toBe(true);
});

test('the three kinds of fraud', () => {
  const payments = all(new CardFraud(options));
  const day = (t: number) => Math.floor((t - START) / DAY);
  for (const { amount, scenario } of payments) {
    if (scenario === 0) expect(amount).toBeLessThanOrEqual(220);
    if (scenario === 1) expect(amount).toBeGreaterThan(220);
  }
  // a bad terminal is bad for 28 days on end, for everybody it is not overwritten for
  const bad = new Map<number, number[]>();
  for (const { terminal, t, scenario } of payments) if (scenario === 2) bad.set(terminal, [...(bad.get(terminal) ?? []), day(t)]);
  expect(bad.size).toBeGreaterThan(40);
  expect(bad.size).toBeLessThanOrEqual(80);
  const [terminal, days] = [...bad].find(([, on]) => Math.max(...on) < 35 && on.length > 10) as [number, number[]];
  const between = payments.filter((p) => p.terminal === terminal && day(p.t) >= Math.min(...days) && day(p.t) <= Math.max(...days));
  expect(between.every(({ scenario }) => scenario >= 2)).toBe(true);
  expect(Math.max(...days) - Math.min(...days)).toBeLessThan(28);
  // about a third of a robbed customer's payments
  const robbed = new Set(payments.filter(({ scenario }) => scenario === 3).map(({ customer }) => customer));
  expect(robbed.size).toBeLessThanOrEqual(120);
  const three = payments.filter(({ scenario }) => scenario === 3).length;
  expect(three / (robbed.size * 2 * 14)).toBeGreaterThan(0.2);
  expect(three / (robbed.size * 2 * 14)).toBeLessThan(0.5);
});

test('small worlds: nobody in reach pays nowhere, more thieves than customers', () => {
  expect(new CardFraud({ ...options, customers: 2, terminals: 1, days: 5 }).count).toBeLessThan(50);
});
