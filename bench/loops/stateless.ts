/**
 * The loop one would write by hand for `pipelines/stateless.yaml`, over the same bytes, the same buffers and the same commits. It
 * checks nothing it need not, writes no header and keeps one position. `node stateless.ts DIR DECODE ENCODE`, see `codec.ts`.
 */
import { decoder, encoder } from './codec.ts';
import { append, consume } from './consume.ts';

/** One record, made once, with the fields of the output in its order. */
const record = {
  tx_id: '',
  card_id: '',
  merchant_id: '',
  amount: 0.5,
  currency: '',
  country: '',
  channel: 0,
  device: '',
  event_time: 0,
  amount_usd: 0.5,
};

const [dir, decodeWith, encodeWith] = process.argv.slice(2);
const decode = decoder(decodeWith, 'payment', record, ['tx_id', 'card_id', 'merchant_id', 'amount', 'currency', 'country', 'channel', 'device', 'event_time']);
const encode = encoder<typeof record>(encodeWith, 'converted');

await consume(dir, ['payments.converted'], (view, now, [out]) => {
  const { buffer, valueStart, valueEnd, count } = view;
  for (let i = 0; i < count; i++) {
    const payment = decode(buffer, valueStart[i], valueEnd[i]);
    if (payment.amount > 0 && (payment.currency === 'USD' || payment.currency === 'EUR')) {
      payment.amount_usd = payment.amount * 1.1;
      append(out, now, encode, payment);
    }
  }
});
