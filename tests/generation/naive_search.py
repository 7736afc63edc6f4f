"""Searches in their plainest form: a row at a time, sequences as lists, everything run again."""

import numpy as np
from keras import ops


def padded(sequences, rows, width):
    table = np.zeros((rows, width), "int32")
    for row, tokens in zip(table, sequences, strict=False):
        row[: len(tokens)] = tokens
    return ops.convert_to_tensor(table)


def log_softmax(logits):
    shifted = logits.astype("float64") - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def beam_search(logits_of, prompt, limit, beams, length_penalty=1.0, stop_token_ids=(), width=32):
    """Gives the `beams` best (log probability, tokens), best first.

    Args:
        logits_of: token ids [beams, width] to logits [beams, width, vocabulary].
        prompt: a list of token ids.
        limit: the length to stop at.
        beams: how many sequences go on from each step.
        length_penalty: the power of the number of tokens that log probabilities are divided by.
        stop_token_ids: tokens that end a sequence.
        width: sequences are padded to this.
    """

    def score(sequence):
        return sequence[0] / (len(sequence[1]) - len(prompt)) ** length_penalty

    live, ended = [(0.0, list(prompt))], []
    while True:
        length = len(live[0][1])
        logits = ops.convert_to_numpy(logits_of(padded([row for _, row in live], beams, width)))
        candidates = [
            (total + number, [*tokens, token])
            for (total, tokens), row in zip(live, logits, strict=False)
            for token, number in enumerate(log_softmax(row[length - 1]))
        ]
        candidates.sort(key=lambda sequence: -sequence[0])
        at_limit = length + 1 >= limit
        ended += [s for s in candidates[:beams] if at_limit or s[1][-1] in stop_token_ids]
        ended = sorted(ended, key=score, reverse=True)[:beams]
        live = [s for s in candidates if s[1][-1] not in stop_token_ids][:beams]
        if at_limit or (len(ended) == beams and score(live[0]) <= score(ended[-1])):
            return ended


def contrastive_search(run, prompt, limit, k, alpha, stop_token_ids=(), width=32):
    """Gives the tokens.

    Args:
        run: token ids [k, width] to hidden states and logits [k, width, ...].
        prompt: a list of token ids.
        limit: the length to stop at.
        k: candidates for each token.
        alpha: the share of the likeness to earlier tokens in a candidate's score.
        stop_token_ids: tokens to stop after.
        width: sequences are padded to this.
    """
    tokens = list(prompt)
    while len(tokens) < limit:
        place = len(tokens)
        _, logits = map(ops.convert_to_numpy, run(padded([tokens], k, width)))
        probabilities = np.exp(log_softmax(logits[0, place - 1]))
        candidates = np.argsort(-probabilities)[:k]
        hidden, _ = map(
            ops.convert_to_numpy, run(padded([[*tokens, int(c)] for c in candidates], k, width))
        )
        hidden = hidden / np.linalg.norm(hidden, axis=-1, keepdims=True)
        likeness = [(row[:place] @ row[place]).max() for row in hidden]
        scores = (1 - alpha) * probabilities[candidates] - alpha * np.array(likeness)
        tokens.append(int(candidates[scores.argmax()]))
        if tokens[-1] in stop_token_ids:
            break
    return tokens
