//! The MD5 of many files on one core at once.
//!
//! One MD5 is a chain of steps that each wait for the last, so a core is mostly idle. Sixteen files
//! side by side, one in each lane of its vector registers, keep it busy: this is some seven times
//! as fast with AVX-512 and four times with AVX2. The steps are plain loops over the lanes that the
//! compiler turns into vector instructions; only the choice of instructions is made at run time.
//! The last one or two files, and machines without such instructions, go one by one.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use super::fill;

/// How many files are hashed side by side.
pub const LANES: usize = 16;
/// With so few left, one after the other is faster.
const FEW: usize = 2;
/// One read of a file.
const READ: usize = 32 * 1024;
/// Bytes of a block of MD5.
const BLOCK: usize = 64;

/// The beginning of every MD5 (RFC 1321).
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
/// By how much each step turns, in each of the four rounds.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
/// What each step adds: the sines of 1, 2, 3 … (RFC 1321, section 3.4).
static SINES: LazyLock<[u32; 64]> = LazyLock::new(|| {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the integer part is what the standard takes")]
    std::array::from_fn(|step| ((u32::try_from(step).map_or(0.0, f64::from) + 1.0).sin().abs() * 4_294_967_296.0) as u32)
});

/// The four words of each of N hashes.
type State<const N: usize> = [[u32; N]; 4];
/// What has the lanes take in as many blocks as the texts have.
type Blocks = fn(&mut State<LANES>, &[&[u8]; LANES]);

/// The fastest way on this machine; none if files had better go one by one.
static WAY: LazyLock<Option<Blocks>> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512bw") {
            #[expect(unsafe_code, reason = "the instructions were found on this machine the line before")]
            return Some(|state, texts| unsafe { with_avx512(state, texts) });
        }
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the instructions were found on this machine the line before")]
            return Some(|state, texts| unsafe { with_avx2(state, texts) });
        }
    }
    None
});

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw")]
fn with_avx512(state: &mut State<LANES>, texts: &[&[u8]; LANES]) {
    take_in(state, texts);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(state: &mut State<LANES>, texts: &[&[u8]; LANES]) {
    take_in(state, texts);
}

/// Whether this machine hashes files side by side.
pub fn are_there() -> bool {
    WAY.is_some()
}

/// The hashes of files, in their order.
pub fn of_files(paths: &[&Path]) -> Vec<io::Result<[u8; 16]>> {
    let mut answers: Vec<io::Result<[u8; 16]>> = paths.iter().map(|_| Ok([0; 16])).collect();
    let mut waiting = paths.iter().enumerate();
    let mut lanes: Vec<Lane> = (0..LANES.min(paths.len())).map(|_| Lane::default()).collect();
    loop {
        for lane in &mut lanes {
            while lane.file.is_none() {
                let Some((index, path)) = waiting.next() else { break };
                answers[index] = lane.begin(index, path).map(|()| [0; 16]);
            }
        }
        let busy = lanes.iter().filter(|lane| lane.file.is_some()).count();
        if busy == 0 {
            return answers;
        }
        match *WAY {
            Some(way) if busy > FEW => together(&mut lanes, way),
            _ => lanes.iter_mut().filter(|lane| lane.file.is_some()).for_each(Lane::alone),
        }
        for lane in lanes.iter_mut().filter(|lane| lane.file.is_some()) {
            if let Some(answer) = lane.go_on().transpose() {
                answers[lane.index] = answer;
                lane.file = None;
            }
        }
    }
}

/// One file on its way.
#[derive(Default)]
struct Lane {
    file: Option<File>,
    /// Its place among the answers.
    index: usize,
    state: [u32; 4],
    buffer: Vec<u8>,
    /// What of the buffer is still to be taken in: whole blocks, but for the last read.
    at: usize,
    end: usize,
    /// Bytes of the file so far.
    length: u64,
    /// Whether the end of the file is in the buffer, with what MD5 puts after it.
    is_whole: bool,
}

impl Lane {
    /// Begins a file. If it cannot be read the lane stays free.
    fn begin(&mut self, index: usize, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        // With room for what follows the end.
        self.buffer.resize(READ + 2 * BLOCK, 0);
        (self.index, self.state, self.at, self.end, self.length, self.is_whole) = (index, START, 0, 0, 0, false);
        self.file = Some(file);
        self.read().inspect_err(|_| self.file = None)
    }

    /// Reads more, when all blocks were taken in. Gives the hash once all of the file was.
    fn go_on(&mut self) -> io::Result<Option<[u8; 16]>> {
        if self.at < self.end {
            return Ok(None);
        }
        if self.is_whole {
            let mut hash = [0; 16];
            for (place, word) in hash.chunks_exact_mut(4).zip(self.state) {
                place.copy_from_slice(&word.to_le_bytes());
            }
            return Ok(Some(hash));
        }
        self.read().map(|()| None)
    }

    fn read(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let size = fill(file, &mut self.buffer[..READ])?;
        self.length += size as u64;
        (self.at, self.end) = (0, size);
        if size < READ {
            self.is_whole = true;
            let bits = self.length.wrapping_mul(8).to_le_bytes();
            self.end = (size + 1 + bits.len()).next_multiple_of(BLOCK);
            self.buffer[size..self.end].fill(0);
            self.buffer[size] = 0x80;
            self.buffer[self.end - bits.len()..self.end].copy_from_slice(&bits);
        }
        Ok(())
    }

    fn alone(&mut self) {
        let mut state = self.state.map(|word| [word]);
        take_in(&mut state, &[&self.buffer[self.at..self.end]]);
        self.state = state.map(|[word]| word);
        self.at = self.end;
    }
}

/// Takes in as many blocks of each file as the shortest has.
fn together(lanes: &mut [Lane], way: Blocks) {
    let size = lanes.iter().filter(|lane| lane.file.is_some()).map(|lane| lane.end - lane.at).min().unwrap_or(0);
    let some = lanes.iter().position(|lane| lane.file.is_some()).unwrap_or(0);
    let mut state: State<LANES> = [[0; LANES]; 4];
    // A lane without a file does the work of another, and nobody asks for what it makes.
    let of = |number: usize| lanes.get(number).filter(|lane| lane.file.is_some()).unwrap_or(&lanes[some]);
    let texts: [&[u8]; LANES] = std::array::from_fn(|number| &of(number).buffer[of(number).at..of(number).at + size]);
    for (number, lane) in lanes.iter().enumerate() {
        (0..4).for_each(|word| state[word][number] = lane.state[word]);
    }
    way(&mut state, &texts);
    for (number, lane) in lanes.iter_mut().enumerate().filter(|(_, lane)| lane.file.is_some()) {
        lane.state = state.map(|word| word[number]);
        lane.at += size;
    }
}

/// Takes in texts of whole blocks and equal length.
#[inline(always)]
fn take_in<const N: usize>(state: &mut State<N>, texts: &[&[u8]; N]) {
    let sines = &*SINES;
    let mut words = [[0; N]; 16];
    for at in (0..texts.first().map_or(0, |text| text.len())).step_by(BLOCK) {
        for (lane, text) in texts.iter().enumerate() {
            for (word, bytes) in words.iter_mut().zip(text[at..at + BLOCK].chunks_exact(4)) {
                word[lane] = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
        block(state, &words, sines);
    }
}

/// One block of each lane (RFC 1321, section 3.4).
#[inline(always)]
fn block<const N: usize>(state: &mut State<N>, words: &[[u32; N]; 16], sines: &[u32; 64]) {
    let mut now = *state;
    round(&mut now, words, sines, 0, |step| step, |x, y, z| (x & y) | (!x & z));
    round(&mut now, words, sines, 1, |step| 5 * step + 1, |x, y, z| (z & x) | (!z & y));
    round(&mut now, words, sines, 2, |step| 3 * step + 5, |x, y, z| x ^ y ^ z);
    round(&mut now, words, sines, 3, |step| 7 * step, |x, y, z| y ^ (x | !z));
    for (old, new) in state.iter_mut().zip(now) {
        for lane in 0..N {
            old[lane] = old[lane].wrapping_add(new[lane]);
        }
    }
}

#[inline(always)]
fn round<const N: usize>(
    state: &mut State<N>,
    words: &[[u32; N]; 16],
    sines: &[u32; 64],
    number: usize,
    word: impl Fn(usize) -> usize,
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..16 {
        let (add, turn, text) = (sines[number * 16 + step], TURNS[number][step % 4], &words[word(step) % 16]);
        let mut new = [0; N];
        for lane in 0..N {
            let mixed = mix(b[lane], c[lane], d[lane]).wrapping_add(a[lane]).wrapping_add(add).wrapping_add(text[lane]);
            new[lane] = b[lane].wrapping_add(mixed.rotate_left(turn));
        }
        (a, d, c, b) = (d, c, b, new);
    }
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use md5::{Digest as _, Md5};

    use super::*;

    fn text(seed: usize, length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from((at * 7 + seed * 31 + at / 251) % 256).unwrap()).collect()
    }

    #[test]
    fn files_of_every_length_hash_as_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let edges = [0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, READ - 9, READ - 8, READ - 1, READ, READ + 1, 3 * READ + 17];
        for count in [1, 2, 3, 16, 17, 50] {
            let paths: Vec<_> = (0..count).map(|number| dir.path().join(number.to_string())).collect();
            let texts: Vec<_> = (0..count).map(|number| text(number, edges[(number * 5 + count) % edges.len()])).collect();
            paths.iter().zip(&texts).for_each(|(path, text)| std::fs::write(path, text).unwrap());
            let found = of_files(&paths.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>());
            for (found, text) in found.into_iter().zip(&texts) {
                assert_eq!(found.unwrap().to_vec(), Md5::digest(text).to_vec(), "{count} files, {} bytes", text.len());
            }
        }
    }

    #[test]
    fn what_cannot_be_read_fails_alone() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..20).map(|number| dir.path().join(number.to_string())).collect();
        paths.iter().skip(1).for_each(|path| std::fs::write(path, "x").unwrap());
        std::fs::remove_file(&paths[7]).unwrap();
        std::fs::create_dir(&paths[7]).unwrap();
        let found = of_files(&paths.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>());
        let failed: Vec<usize> = found.iter().enumerate().filter(|(_, found)| found.is_err()).map(|(number, _)| number).collect();
        assert_eq!(failed, [0, 7]);
        assert!(found.iter().flatten().all(|hash| hash.as_slice() == Md5::digest("x").as_slice()));
    }

    /// Each way of this machine must agree with the plain loop.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn every_kind_of_instructions_gives_the_same() {
        let data: Vec<Vec<u8>> = (0..LANES).map(|lane| text(lane, 5 * BLOCK)).collect();
        let texts: [&[u8]; LANES] = std::array::from_fn(|lane| data[lane].as_slice());
        let start = START.map(|word| [word; LANES]);
        let mut plain = start;
        take_in(&mut plain, &texts);
        let mut wide = start;
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the instructions are there")]
            unsafe {
                with_avx2(&mut wide, &texts);
            }
            assert_eq!(wide, plain);
        }
        let mut widest = start;
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512bw") {
            #[expect(unsafe_code, reason = "the instructions are there")]
            unsafe {
                with_avx512(&mut widest, &texts);
            }
            assert_eq!(widest, plain);
        }
    }
}
