//! Choices that a seed decides: PCG-XSH-RR, so that they are the same on every machine.

pub struct Chance {
    state: u64,
    stream: u64,
}

impl Chance {
    /// Each purpose has choices of its own: more of the one leave the other's as they are.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let stream = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let mut chance = Self { state: seed.wrapping_add(stream), stream: stream | 1 };
        chance.next();
        chance.next();
        chance
    }

    fn next(&mut self) -> u32 {
        let before = self.state;
        self.state = before.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(self.stream);
        let mixed = (((before >> 18) ^ before) >> 27) as u32;
        mixed.rotate_right((before >> 59) as u32)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u64::from(self.next()) << 32 | u64::from(self.next());
        wide % limit.max(1)
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }
}
