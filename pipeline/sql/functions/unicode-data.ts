/**
 * Properties of Unicode's characters as DuckDB 1.5 has them: from its copy of utf8proc (MIT), whose source is the Unicode Character
 * Database. Kept here, not asked of the platform, so that an answer is the same under every version of Node. The tests compare every
 * code point with DuckDB.
 *
 * All numbers are in base 36.
 */

/** Runs of code points with one distance to their lower case: `gap from the last run's start:distance[:count[:step]]`. ASCII is left out. */
export const lowerRuns =
  '5c:w:n o:w:7 14:1:o:2 1c:-5j 2:1:3:2 7:1:8:2 h:1:n:2 1a:-3d 1:1:3:2 8:5u 1:1:2:2 4:5q 1:1 2:5p:2 2:1 3:27 1:5m 1:5n 1:1 2:5p 1:5r 2:5v 1:5t 1:1 4:5v ' +
  '1:5x 2:5y 1:1:3:2 6:62 1:1 2:62 3:1 2:62 1:1 2:61:2 2:1:2:2 4:63 1:1 4:1 8:2 1:1 2:2 1:1 2:2 1:1:9:2 j:1:9:2 j:2 1:1:2:2 4:-2p 1:-1k 1:1:k:2 14:-3m ' +
  '2:1:9:2 o:8bv 1:1 2:-4j 1:8bs 3:1 2:-5f 1:1x 1:1z 1:1:5:2 8a:1:2:2 6:1 9:38 7:12 2:11:3 4:1s 2:1r:2 3:w:h i:w:9 18:8 9:1:c:2 s:-1o 3:1 2:-7 1:1 ' +
  '3:-3m:3 3:28:g g:w:w 28:1:h:2 16:1:r:2 1i:f 1:1:7:2 f:1:1c:2 2p:1c:12 29b:5ls:12 13:5ls 6:5ls k3:tzk:28 28:8:6 1pc:-2bk:17 19:-2bk:3 8z:1:23:2 4e:-5vj ' +
  '2:1:1c:2 2w:-8:8 g:-8:6 g:-8:8 g:-8:8 g:-8:6 h:-8:4:2 f:-8:8 w:-8:8 g:-8:8 g:-8:8 g:-8:2 2:-22:2 2:-9 c:-2e:4 4:-9 c:-8:2 2:-2s:2 e:-8:2 2:-34:2 2:-7 ' +
  'c:-3k:2 2:-3i:2 2:-9 8a:-5st 4:-6gv 1:-6di 7:s 1a:g:g z:1 mr:q:q 1fu:1c:1c 2o:1 2:-8af 1:-2xy 1:-89z 3:1:3:2 6:-8bg 1:-8al 1:-8bj 1:-8bi 2:1 3:1 ' +
  '9:-8cf:2 2:1:1e:2 2z:1:2:2 7:1 nym:1:n:2 1s:1:e:2 4i:1:7:2 g:1:v:2 1z:1:2:2 4:-r9g 1:1:5:2 d:1 2:-wmg 3:1:2:2 6:1:a:2 k:-wn8 1:-wnj 1:-wnf 1:-wn5 ' +
  '1:-wn8 2:-wlu 1:-wmi 1:-wlx 1:ps 1:1:8:2 g:-1c 1:-wn7 1:-raw 1:1:2:2 9:1 6:1:2:2 v:1 h7w:w:q yn:14:14 4w:14:10 5c:13:b c:13:f g:13:7 8:13:2 1d8:1s:1f ' +
  '2e8:w:w gww:w:w o8w:y:y';

/** The same for upper case. */
export const upperRuns =
  '51:kn 16:5vj 1:-w:n o:-w:7 7:3d 2:-1:o:2 1c:-6g 2:-1:3:2 7:-1:8:2 h:-1:n:2 1b:-1:3:2 5:-8c 1:5f 3:-1:2:2 5:-1 4:-1 6:-1 3:2p 4:-1 1:4j 4:3m 3:-1:3:2 ' +
  '7:-1 5:-1 3:-1 4:-1:2:2 5:-1 4:-1 2:1k 6:-1 1:-2 2:-1 1:-2 2:-1 1:-2 2:-1:8:2 f:-27 2:-1:9:2 j:-1 1:-2 2:-1 4:-1:k:2 16:-1:9:2 p:-1 3:8cf:2 3:-1 ' +
  '5:-1:5:2 9:8bj 1:8bg 1:8bi 1:-5u 1:-5q 2:-5p:2 3:-5m 2:-5n 1:wnj 4:-5p 1:wnf 2:-5r 2:wmg 1:wn8 2:-5t 1:-5v 1:wn8 1:8af 1:wn5 3:-5v 2:8al 1:-5x 3:-5y ' +
  '8:89z 3:-62 2:wn7 1:-62 4:wmi 1:-62 1:-1x 1:-61:2 2:-1z 6:-63 b:wlx 1:wlu 4n:2c 18:-1:2:2 6:-1 4:3m:3 1d:-12 1:-11:3 4:-w:h h:-v 1:-w:9 9:-1s 1:-1r:2 ' +
  '3:-1q 1:-1l 4:-1b 1:-1i 1:-8 2:-1:c:2 n:-2e 1:-28 1:7 1:-38 2:-2o 3:-1 3:-1 1h:-w:w w:-28:g h:-1:h:2 16:-1:r:2 1j:-1:7:2 d:-f 2:-1:1c:2 40:-1c:12 ' +
  '29b:2bk:17 19:2bk:3 l7:-8:6 1oo:-4tq 1:-4tp 1:-4tg 1:-4te:2 2:-4tf 1:-4t8 1:-4rp 1:r7m 6p:r9g 4:2xy h:raw 37:-1:23:2 4a:-1n 6:-1:1c:2 2n:8:8 g:8:6 ' +
  'g:8:8 g:8:8 g:8:6 h:8:4:2 f:8:8 g:22:2 2:2e:4 4:2s:2 2:3k:2 2:34:2 2:3i:2 4:8:8 g:8:8 g:8:8 g:8:2 3:9 b:-5k5 5:9 d:8:2 g:8:2 5:7 e:9 9n:-s y:-g:g k:-1 ' +
  'ng:-q:q 1gg:-1c:1c 1d:-1 4:-8bv 1:-8bs 2:-1:3:2 b:-1 3:-1 b:-1:1e:2 2z:-1:2:2 7:-1 d:-5ls:12 13:-5ls 6:-5ls nx0:-1:n:2 1s:-1:e:2 4i:-1:7:2 g:-1:v:2 ' +
  '1z:-1:2:2 5:-1:5:2 d:-1 5:-1:2:2 3:1c 3:-1:a:2 u:-1:8:2 j:-1:2:2 9:-1 6:-1:2:2 v:-1 nx:-ps t:-tzk:28 gk1:-w:q yv:-14:14 4w:-14:10 5b:-13:b c:-13:f ' +
  'g:-13:7 8:-13:2 1dx:-1s:1f 2dc:-w:w gww:-w:w o8y:-y:y';

/** Runs of code points of one grapheme break class: `gap from the last run's end:class[:length − 1]`, classes as in graphemes.ts. Hangul syllables are left out. */
export const breakRuns =
  '0:c:9 1:n 1:c:1 1:r 1:c:h 2o:c:w a:x 4:c 1:x gi:E:26 1:e 1:E:v 7o:E:4 1:e:1 7c:E:18 2:E 2:E:1 2:E:1 2:E 1l:p:5 b:E:a 2:c 1b:E:k h:E 2u:E:6 1:p 2:E:5 ' +
  '3:E:1 2:E:3 y:p 2:E v:E:q 2k:e:a 1n:E:8 a:E p:E:3 2:E:8 2:E:2 2:E:4 18:E:2 1h:p:1 7:E:7 17:E:n 1:p 1:E:s 1:e:2 1:s i:C:10 1:e 1:s 1:E 2:s:2 1:e:7 ' +
  '1:s:3 1:K 1:s:1 2:E:3 1:e:2 1:C:7 3:e:1 l:C:7 2:e 1:s:1 i:C:j 2:C:6 2:C 4:C:3 3:E 2:e 1:s:1 1:e:3 3:s:1 3:s:1 1:K a:e 5:C:1 2:C 3:e:1 d:C:1 d:E 3:e:1 ' +
  '1:s 1l:E 2:s:2 1:e:1 5:e:1 3:e:2 4:e v:e:1 4:e c:e:1 1:s i:C:j 2:C:6 2:C:1 2:C:4 3:E 2:s:2 1:e:4 2:e:1 1:s 2:s:1 1:K l:e:1 m:C 1:e:5 2:e 1:s:1 i:C:j ' +
  '2:C:6 2:C:1 2:C:4 3:E 2:e:1 1:s 1:e:3 3:s:1 3:s:1 1:K 8:e:2 5:C:1 2:C 3:e:1 e:C h:e 1o:e 1:s 1:e 1:s:1 4:s:2 2:s:2 1:e a:e 15:e 1:s:2 1:e h:C:j 2:C:f ' +
  '3:E 2:e:2 1:s:3 2:e:2 2:e:2 1:K 8:E:1 2:C:2 8:e:1 u:e 1:s:1 1l:E 2:s 1:e 1:s:1 1:e 1:s:1 2:e 1:s:1 2:s:1 1:e:1 8:e:1 c:e:1 g:s d:e:1 1:s:1 i:C:11 ' +
  '1:E:1 2:e 1:s:1 1:e:3 2:s:2 2:s:2 1:K 1:p 9:e b:e:1 u:e 1:s:1 1z:e 5:e 1:s:1 1:e:2 2:e 2:s:6 1:e j:s:1 1q:e 2:s 1:e:3 1:E:2 d:e 1:E:3 1:e:2 2r:e 2:s ' +
  '1:e:3 1:E:2 1:e:1 c:E:3 1:e:2 22:E:1 s:E 2:E 2:E 5:s:1 1e:E:1 1:e 1:E 1:e:4 1:E:3 1:e 1:s 1:E 1:e 1:E:2 2:E:1 6:e:a 2:e:z a:E 2v:e:3 1:s 1:e:4 1:E ' +
  '2:E:1 1:s:1 1:e:1 o:s:1 1:e:1 5:e:2 h:e:3 e:e 2:s 1:e:1 7:E g:e 2r:L:2n 1:V:1z 1:T:2f 9q:E:2 qb:e:1 1:E 1:s t:e:1 1:s u:e:1 v:e:1 1t:e:1 1:s 1:e:6 ' +
  '1:s:7 1:e 1:s:1 1:e:8 1:E 1:e a:E 1a:e:2 1:c 1:e 3a:e:1 z:E 3b:e:2 1:s:3 1:e:1 1:s:2 5:s:1 1:e 1:s:5 1:E:2 64:E:1 1:s:1 1:e 1m:s 1:e 1:s 1:e:6 2:E 2:e ' +
  '3:e:7 1:s:5 1:e:1 1:E:7 3:E 1d:E:d 1:e 1:E:f 1e:e:3 1:s 1c:E 1:e:5 1:s 1:e 1:s:4 1:e 1:s:1 13:E:8 d:e:1 1:s v:s 1:e:3 1:s:1 1:e:1 1:s 1:E 1:e:1 1l:E ' +
  '1:s 1:e:1 1:s:2 1:e 1:s 1:e:2 1:s:1 1d:s:7 1:e:7 1:s:1 1:e 1:E 49:E:2 2:E:c 1:s 1:E:6 5:E 7:E 3:s 1:E:1 5j:E:1r ek:c 1:e 1:z 1:c:1 p:c:6 e:x d:x n:c:4 ' +
  '2:c:9 2p:E:c 1:e:3 1:E 1:e:2 1:E:b 1e:x n:x 2j:x:5 g:x:1 a8:x:1 d:x 2o:x 1z:x q:x:a 5:x:2 5k:x 6g:x:1 b:x a:x 1n:x:3 2:x:5 2:x:b 2:x:35 b:x:39 3:x:a ' +
  '2:x 2:x 7:x 4:x 7:x b:x:1 g:x 3:x 5:x 2:x 5:x:2 2:x c:x:4 1a:x:2 a:x f:x f:x ad:x:1 cw:x:2 k:x:1 1g:x 5:x be:E:2 3y:E 2p:E:v ff:E:5 1:x d:x 2k:E:1 ' +
  'e5:x 2:x mvq:E 1:e:2 2:E:9 x:E:1 29:E:1 7l:e 4:e 5:e o:s:1 1:e:1 1:s 5:E 2c:s:1 1f:s:f 1:e:1 r:E:h e:e 13:e:4 1:E:2 q:e:a 1:s:1 d:L:s 4:e:2 1:s 1c:E ' +
  '1:s:1 1:e:3 1:s:1 1:e:1 1:s:2 11:e 1w:e:5 1:s:1 1:e:1 1:s:1 1:e:1 d:e 9:e 1:s 1b:e 1g:E 2:E:2 3:E:1 6:E:1 2:E 16:s 1:e:1 1:s:1 6:s 1:E 6l:s:1 1:e ' +
  '1:s:1 1:e 1:s:1 2:s 1:E 8n7:V:m 5:T:1c 6xv:E ki:e:f h:E:f 5s:c 4f:e:1 2i:c:2 ea:E 6b:E 46:E:4 1af:e:2 2:e:1 6:e 1:E 1:e 1:E 15:E:2 5:E 4m:E:1 fy:E:3 ' +
  'as:E:1 29:E:2 1z:E:a 1e:E:3 3f:s 1:e 1:s 1i:e:e 16:E 3:e:1 b:E 1:e:1 1:s 1a:s:2 1:e:3 1:s:1 1:e 1:E 3:p 5:e b:p 1f:E:2 11:e:4 1:s 1:e:5 1:E:1 h:s:1 ' +
  '19:E d:e:1 1:s 1d:s:2 1:e:8 1:s:1 2:p:1 6:e 1:E 1:e:1 2:s 1:e 2l:s:2 1:e:2 1:s:1 1:e 1:s 1:E 1:e 7:e 3:e 4e:e 1:s:2 1:e:5 1:E:1 m:e:1 1:s:1 1k:E:1 2:e ' +
  '1:s 1:e 1:s:3 3:s:1 3:s:2 a:e b:s:1 3:E:6 4:E:4 5d:s:2 1:e:7 1:s:1 1:e:2 1:s 1:E o:E 2a:e 1:s:1 1:e:5 1:s 1:e 1:s:1 1:e 1:s 1:e:1 1:s 1:e 1:E 6k:e ' +
  '1:s:1 1:e:3 3:s:3 1:e:1 1:s 1:e 1:E s:e:1 2b:s:2 1:e:7 1:s:1 1:e 1:s 1:e:1 2z:e 1:s 1:e 1:s:1 1:e:5 1:s 1:E 2u:e:2 3:e:3 1:s 1:e:3 1:E 75:s:2 1:e:8 ' +
  '1:s 1:e 1:E 6u:e 1:s:4 2:s:1 3:e:1 1:s 1:E 1:p 1:s 1:p 1:s 1:E 3y:s:2 1:e:3 3:e:1 1:s:3 1:e 4:s t:e:9 15:e 1:E 1:e:3 1:s 1:p 1:e:3 9:E a:e:5 1:s:1 ' +
  '1:e:2 15:p:5 1:e:c 1:s 1:e 1:E ba:s 1:e:6 2:e:5 1:s 1:e 2b:e:l 2:s 1:e:6 1:s 1:e:1 1:s 1:e:1 3f:e:5 4:e 2:e:1 2:e:2 1:E 1:e 1:E:1 1:p 1:e 1v:s:4 2:e:1 ' +
  '2:s:1 1:e 1:s 1:E 9o:e:1 1:s:1 a:e:1 1:p 1:s 1d:s:1 1:e:4 4:s:1 1:e 1:s 1:E 44u:c:f 1:e 7:e:e asb:E:4 1o:E:6 t5:e 2:s:1i 8:e:3 2a:e c:s:1 f58:e 1:E ' +
  '2:c:3 3ml:e:19 3:e:m f3:E 1:s 1:E:2 4:s 1:E:4 1:c:7 1:E:7 3:E:6 v:E:3 45:E:2 1j0:e:1i 5:e:1d 9:e f:e n:e:4 2:e:e 11t:E:6 2:E:g 3:E:6 2:E:1 2:E:4 2t:E ' +
  '4h:E:6 ag:E 1q:E:3 e5:E:3 rl:E:6 32:E:6 1bq:x:17 5:x:2r d:x:e 3:x:e 2:x:e 2:x:10 o:x:2 w:x 1p:x:5 d:x:1 f:x 3:x:9 j:x 1l:R:p 2:x:1 o:x l:x 3:x:8 m:x:1 ' +
  'f:x:5 4b:x:6y 1:e:4 1:x:8t 9:x:7d 1d:x:2f 5:x:g 4:x:c 3c:x:2 5:x:4 2e:x:4 7:x:b 5:x 5c:x:1 2j:x:1a 2:x:9 2:x:7g d:x:d 3:x:c 4:x:8 8:x:19 2:x:6 9:x:d ' +
  '5:x:8 8:x:8 gvt5:c v:e:2n 3l:e:6n';
