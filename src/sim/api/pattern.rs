//! Regular expressions of list filters, in the part of RE2's syntax that filters use.
//!
//! A node maps the places where it may begin to those where it may end, so that no pattern takes more than polynomial time.
//! <https://github.com/google/re2/wiki/Syntax>

use std::collections::BTreeSet;

/// RE2's limit of a counted repetition.
const MAX_COUNT: usize = 1000;
/// Limit of groups in groups.
const MAX_DEPTH: usize = 50;

#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// One character of a set, or one that is not in it.
    One {
        of: Vec<(char, char)>,
        negated: bool,
    },
    Start,
    End,
    /// A word's edge, or a place that is none.
    Edge(bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    Repeat(Box<Node>, usize, Option<usize>),
}

impl Pattern {
    /// None if it is not a regular expression, or one of which the syntax is not supported.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: Vec<char> = text.chars().collect();
        let mut rest = Rest { letters: &letters, at: 0, depth: 0 };
        let node = rest.any()?;
        rest.peek().is_none().then_some(Self(node))
    }

    /// Whether the whole text matches.
    pub fn is_all_of(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.0.ends(&text, &BTreeSet::from([0])).contains(&text.len())
    }

    /// Whether some part of the text matches.
    pub fn is_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        !self.0.ends(&text, &(0..=text.len()).collect()).is_empty()
    }
}

impl Node {
    fn ends(&self, text: &[char], starts: &BTreeSet<usize>) -> BTreeSet<usize> {
        let only = |fits: &dyn Fn(usize) -> bool| starts.iter().copied().filter(|at| fits(*at)).collect();
        match self {
            Self::One { of, negated } => {
                let fits = |letter: &char| of.iter().any(|(first, last)| (first..=last).contains(&letter)) != *negated;
                starts.iter().filter(|at| text.get(**at).is_some_and(fits)).map(|at| at + 1).collect()
            }
            Self::Start => only(&|at| at == 0),
            Self::End => only(&|at| at == text.len()),
            Self::Edge(wanted) => {
                let is_word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|letter| word(*letter));
                only(&|at| (is_word(at.checked_sub(1)) != is_word(Some(at))) == *wanted)
            }
            Self::All(nodes) => nodes.iter().fold(starts.clone(), |at, node| node.ends(text, &at)),
            Self::Any(nodes) => nodes.iter().flat_map(|node| node.ends(text, starts)).collect(),
            Self::Repeat(node, least, most) => {
                let mut now = (0..*least).fold(starts.clone(), |at, _| node.ends(text, &at));
                let mut all = now.clone();
                let mut left = most.map(|most| most.saturating_sub(*least));
                while !now.is_empty() && left != Some(0) {
                    now = node.ends(text, &now).difference(&all).copied().collect();
                    all.extend(&now);
                    left = left.map(|left| left - 1);
                }
                all
            }
        }
    }
}

fn word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// What is still to be read of a pattern.
struct Rest<'a> {
    letters: &'a [char],
    at: usize,
    depth: usize,
}

impl Rest<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(letter)
    }

    fn took(&mut self, letter: char) -> bool {
        let is_next = self.peek() == Some(letter);
        self.at += usize::from(is_next);
        is_next
    }

    fn any(&mut self) -> Option<Node> {
        let mut ways = vec![self.all()?];
        while self.took('|') {
            ways.push(self.all()?);
        }
        Some(Node::Any(ways))
    }

    fn all(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let one = self.one()?;
            nodes.push(self.repeated(one)?);
        }
        Some(Node::All(nodes))
    }

    fn one(&mut self) -> Option<Node> {
        Some(match self.next()? {
            '.' => Node::One { of: vec![('\n', '\n')], negated: true },
            '^' => Node::Start,
            '$' => Node::End,
            '[' => self.set()?,
            '(' => {
                // A group that is not captured is the same here: nothing is.
                if self.took('?') && !self.took(':') {
                    return None;
                }
                self.depth += 1;
                let inner = (self.depth <= MAX_DEPTH).then(|| self.any())??;
                self.depth -= 1;
                self.took(')').then_some(inner)?
            }
            '\\' => match self.next()? {
                'b' => Node::Edge(true),
                'B' => Node::Edge(false),
                'A' => Node::Start,
                'z' => Node::End,
                letter => match class(letter) {
                    Some((of, negated)) => Node::One { of, negated },
                    None => exactly(escaped(letter)?),
                },
            },
            '*' | '+' | '?' => return None,
            letter => exactly(letter),
        })
    }

    fn repeated(&mut self, node: Node) -> Option<Node> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counted(node),
            _ => return Some(node),
        };
        self.at += 1;
        // Whether it takes as much or as little as it can makes no difference to whether it matches.
        self.took('?');
        Some(Node::Repeat(Box::new(node), least, most))
    }

    /// `{2}`, `{2,}`, `{2,4}`; another brace stands for itself.
    fn counted(&mut self, node: Node) -> Option<Node> {
        let inside: String = self.letters[self.at + 1..].iter().take_while(|letter| **letter != '}').collect();
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let closed = self.letters.get(self.at + 1 + inside.chars().count()).is_some();
        let Some(least) = least.parse::<usize>().ok().filter(|_| closed) else { return Some(node) };
        let most = if most.is_empty() { None } else { Some(most.parse::<usize>().ok()?) };
        self.at += inside.chars().count() + 2;
        self.took('?');
        let fits = least.max(most.unwrap_or(0)) <= MAX_COUNT && most.is_none_or(|most| most >= least);
        fits.then(|| Node::Repeat(Box::new(node), least, most))
    }

    fn set(&mut self) -> Option<Node> {
        let negated = self.took('^');
        let mut of = Vec::new();
        loop {
            let first = match self.next()? {
                ']' if !of.is_empty() => return Some(Node::One { of, negated }),
                '\\' => {
                    let letter = self.next()?;
                    match class(letter) {
                        Some((ranges, false)) => {
                            of.extend(ranges);
                            continue;
                        }
                        Some(_) => return None,
                        None => escaped(letter)?,
                    }
                }
                letter => letter,
            };
            let ranges = self.peek() == Some('-') && self.letters.get(self.at + 1).is_some_and(|last| *last != ']');
            let last = if ranges {
                self.at += 1;
                match self.next()? {
                    '\\' => escaped(self.next()?)?,
                    last => last,
                }
            } else {
                first
            };
            of.push((first, last));
        }
    }
}

fn exactly(letter: char) -> Node {
    Node::One { of: vec![(letter, letter)], negated: false }
}

/// The character that a backslash and another one are.
fn escaped(letter: char) -> Option<char> {
    match letter {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        letter if letter.is_alphanumeric() => None,
        letter => Some(letter),
    }
}

fn class(letter: char) -> Option<(Vec<(char, char)>, bool)> {
    let of = match letter.to_ascii_lowercase() {
        'd' => vec![('0', '9')],
        'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        's' => vec![('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        _ => return None,
    };
    Some((of, letter.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("abc", "abc", true),
            ("a.c", "abc", true),
            ("a.c", "a\nc", false),
            ("a*", "aaa", true),
            ("a+", "", false),
            ("a?b", "b", true),
            ("(ab)*", "abab", true),
            ("(a*)*", "aaa", true),
            ("a|bc", "bc", true),
            ("(?:a|b)c", "bc", true),
            ("a{2}", "aa", true),
            ("a{2,}", "a", false),
            ("a{1,2}", "aaa", false),
            ("a{b", "a{b", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            (r"[\d.]+", "10.8", true),
            (r"\w+\.\w+", "a_1.b", true),
            (r".*\bvpc\b.*", "my-vpc", true),
            (r".*\bvpc\b.*", "vpcs", false),
            (r"\Ba", "a", false),
            ("^a$", "a", true),
            (".*(^deny-).*", "allow-deny-", false),
            (".*?x", "aax", true),
            ("ä.", "äö", true),
        ];
        for (pattern, text, fits) in cases {
            assert_eq!(Pattern::parse(pattern).expect(pattern).is_all_of(text), fits, "{pattern} {text}");
        }
        assert!(
            Pattern::parse("b$").expect("a pattern").is_in("ab") && !Pattern::parse("^b").expect("one").is_in("ab")
        );
        for wrong in ["(", ")", "*", "a{3,2}", "a{2000}", "[a", "a\\", r"\k", "(?i)a", &"(".repeat(100)] {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
    }

    /// What an engine that tries one way after the other does not come to the end of.
    #[test]
    fn no_pattern_takes_long() {
        let pattern = Pattern::parse("(a*)*(a*)*b").expect("a pattern");
        assert!(!pattern.is_all_of(&"a".repeat(300)));
    }
}
