# The code of the notebook "GPT text generation from scratch with KerasNLP" (Keras's example by Jesse
# Chan, Apache-2.0) and of its author's experiments with it, cell by cell and as it was written: what
# tests/notebook/test_notebook.py runs after the changes that are listed there.

# %%
import os
import keras_nlp
import tensorflow as tf
from tensorflow import keras

# %%
# Data
#BATCH_SIZE = 64
BATCH_SIZE = 32
SEQ_LEN = 128
MIN_TRAINING_SEQ_LEN = 450

# Model
EMBED_DIM = 256
FEED_FORWARD_DIM = 256
NUM_HEADS = 3
NUM_LAYERS = 2
VOCAB_SIZE = 5000  # Limits parameters in model.

# Training
EPOCHS = 6

# Inference
NUM_TOKENS_TO_GENERATE = 80

# %%
keras.utils.get_file(
    origin="https://dldata-public.s3.us-east-2.amazonaws.com/simplebooks.zip",
    extract=True,
)
dir = os.path.expanduser("~/.keras/datasets/simplebooks/")

# Load simplebooks-92 train set and filter out short lines.
raw_train_ds = (
    tf.data.TextLineDataset(dir + "simplebooks-92-raw/train.txt")
    .filter(lambda x: tf.strings.length(x) > MIN_TRAINING_SEQ_LEN)
    .batch(BATCH_SIZE)
    .shuffle(buffer_size=256)
)

# Load simplebooks-92 validation set and filter out short lines.
raw_val_ds = (
    tf.data.TextLineDataset(dir + "simplebooks-92-raw/valid.txt")
    .filter(lambda x: tf.strings.length(x) > MIN_TRAINING_SEQ_LEN)
    .batch(BATCH_SIZE)
)

# %%
raw_train_ds

# %%
# Train tokenizer vocabulary
vocab = keras_nlp.tokenizers.compute_word_piece_vocabulary(
    raw_train_ds,
    vocabulary_size=VOCAB_SIZE,
    lowercase=True,
    reserved_tokens=["[PAD]", "[UNK]", "[BOS]"],
)

# %%
tokenizer = keras_nlp.tokenizers.WordPieceTokenizer(
    vocabulary=vocab,
    sequence_length=SEQ_LEN,
    lowercase=True,
)

# %%
# packer adds a start token
start_packer = keras_nlp.layers.StartEndPacker(
    sequence_length=SEQ_LEN,
    start_value=tokenizer.token_to_id("[BOS]"),
)


def preprocess(inputs):
    outputs = tokenizer(inputs)
    features = start_packer(outputs)
    labels = outputs
    return features, labels


# Tokenize and split into train and label sequences.
train_ds = raw_train_ds.map(preprocess, num_parallel_calls=tf.data.AUTOTUNE).prefetch(
    tf.data.AUTOTUNE
)
val_ds = raw_val_ds.map(preprocess, num_parallel_calls=tf.data.AUTOTUNE).prefetch(
    tf.data.AUTOTUNE
)

# %%
inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
# Embedding.
embedding_layer = keras_nlp.layers.TokenAndPositionEmbedding(
    vocabulary_size=VOCAB_SIZE,
    sequence_length=SEQ_LEN,
    embedding_dim=EMBED_DIM,
    mask_zero=True,
)
x = embedding_layer(inputs)
# Transformer decoders.
for _ in range(NUM_LAYERS):
    decoder_layer = keras_nlp.layers.TransformerDecoder(
        num_heads=NUM_HEADS,
        intermediate_dim=FEED_FORWARD_DIM,
    )
    x = decoder_layer(x)  # Giving one argument only skips cross-attention.
# Output.
outputs = keras.layers.Dense(VOCAB_SIZE)(x)
model = keras.Model(inputs=inputs, outputs=outputs)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
model.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

# %%
model.summary()

# %%
model.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
# The "packer" layers adds the [BOS] token for us.
prompt_tokens = start_packer(tokenizer([""]))
prompt_tokens

# %%
def next(prompt, cache, index):
    logits = model(prompt)[:, index - 1, :]
    # Ignore hidden states for now; only needed for contrastive search.
    hidden_states = None
    return logits, hidden_states, cache

# %%
sampler = keras_nlp.samplers.GreedySampler()
output_tokens = sampler(
    next=next,
    prompt=prompt_tokens,
    index=1,  # Start sampling immediately after the [BOS] token.
)
txt = tokenizer.detokenize(output_tokens)
print(f"Greedy search generated text: \n{txt}\n")

# %%
sampler = keras_nlp.samplers.BeamSampler(num_beams=10)
output_tokens = sampler(
    next=next,
    prompt=prompt_tokens,
    index=1,
)
txt = tokenizer.detokenize(output_tokens)
print(f"Beam search generated text: \n{txt}\n")

# %%
sampler = keras_nlp.samplers.RandomSampler()
output_tokens = sampler(
    next=next,
    prompt=prompt_tokens,
    index=1,
)
txt = tokenizer.detokenize(output_tokens)
print(f"Random search generated text: \n{txt}\n")

# %%
sampler = keras_nlp.samplers.TopKSampler(k=10)
output_tokens = sampler(
    next=next,
    prompt=prompt_tokens,
    index=1,
)
txt = tokenizer.detokenize(output_tokens)
print(f"Top-K search generated text: \n{txt}\n")

# %%
sampler = keras_nlp.samplers.TopPSampler(p=0.5)
output_tokens = sampler(
    next=next,
    prompt=prompt_tokens,
    index=1,
)
txt = tokenizer.detokenize(output_tokens)
print(f"Top-P search generated text: \n{txt}\n")

# %%
class TopKTextGenerator(keras.callbacks.Callback):
    """A callback to generate text from a trained model using top-k."""

    def __init__(self, k):
        self.sampler = keras_nlp.samplers.TopKSampler(k)

    def on_epoch_end(self, epoch, logs=None):
        output_tokens = self.sampler(
            next=next,
            prompt=prompt_tokens,
            index=1,
        )
        txt = tokenizer.detokenize(output_tokens)
        print(f"Top-K search generated text: \n{txt}\n")


text_generation_callback = TopKTextGenerator(k=10)
# Dummy training loop to demonstrate callback.
model.fit(train_ds.take(1), verbose=2, epochs=2, callbacks=[text_generation_callback])

# %%
inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
# Embedding.
embedding_layer = keras_nlp.layers.TokenAndPositionEmbedding(
    vocabulary_size=VOCAB_SIZE,
    sequence_length=SEQ_LEN,
    embedding_dim=EMBED_DIM,
    mask_zero=True,
)
x = embedding_layer(inputs)
# Transformer decoders.
for _ in range(NUM_LAYERS):
    decoder_layer = keras_nlp.layers.TransformerDecoder(
        num_heads=NUM_HEADS,
        intermediate_dim=FEED_FORWARD_DIM,
    )
    x = decoder_layer(x)  # Giving one argument only skips cross-attention.

# Modified Model to include a Normalization Layer
layer_norm_epsilon=1e-5
sequence_output = keras.layers.LayerNormalization(
    name="layer_norm",
    axis=-1,
    epsilon=layer_norm_epsilon,
    dtype="float32",
)(x)

# Output.
outputs = keras.layers.Dense(VOCAB_SIZE)(x)
model = keras.Model(inputs=inputs, outputs=outputs)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
model.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

# %%
model.summary()

# %%
model.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
# Embedding.
embedding_layer = keras_nlp.layers.TokenAndPositionEmbedding(
    vocabulary_size=VOCAB_SIZE,
    sequence_length=SEQ_LEN,
    embedding_dim=EMBED_DIM,
    mask_zero=True,
)
x = embedding_layer(inputs)
# Transformer decoders.
for _ in range(NUM_LAYERS):
    decoder_layer = keras_nlp.layers.TransformerDecoder(
        num_heads=NUM_HEADS,
        intermediate_dim=FEED_FORWARD_DIM,
        layer_norm_epsilon=1e-5,
        normalize_first=True,   #normalized similarly to gpt-2
    )
    x = decoder_layer(x)  # Giving one argument only skips cross-attention.

# Output.
outputs_2 = keras.layers.Dense(VOCAB_SIZE)(x)
model_2 = keras.Model(inputs=inputs, outputs=outputs_2)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
model_2.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

# %%
model_2.summary()

# %%
model_2.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
num_heads_values = [4, 8, 12]
num_layers_values = [6, 12]

for NUM_LAYERS_TEST in num_layers_values:
  for NUM_HEADS_TEST in num_heads_values:
    print(f"Number of Layers is {NUM_LAYERS_TEST} and Number of Heads is {NUM_HEADS_TEST}.")
    inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
    # Embedding.
    embedding_layer = keras_nlp.layers.TokenAndPositionEmbedding(
        vocabulary_size=VOCAB_SIZE,
        sequence_length=SEQ_LEN,
        embedding_dim=EMBED_DIM,
        mask_zero=True,
    )
    x = embedding_layer(inputs)
    # Transformer decoders.
    for _ in range(NUM_LAYERS_TEST):
        decoder_layer = keras_nlp.layers.TransformerDecoder(
            num_heads=NUM_HEADS_TEST,
            intermediate_dim=FEED_FORWARD_DIM,
            layer_norm_epsilon=1e-5,
            normalize_first=True,   #normalized similarly to gpt-2
        )
        x = decoder_layer(x)  # Giving one argument only skips cross-attention.

    # Output.
    outputs_3 = keras.layers.Dense(VOCAB_SIZE)(x)
    model_3 = keras.Model(inputs=inputs, outputs=outputs_3)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
    model_3.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

    model_3.summary()

    model_3.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
num_heads_values = [4, 8, 12]
num_layers_values = [12, 24, 48]

for NUM_LAYERS_TEST in num_layers_values:
  for NUM_HEADS_TEST in num_heads_values:
    print(f"Number of Layers is {NUM_LAYERS_TEST} and Number of Heads is {NUM_HEADS_TEST}.")
    inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
    # Embedding.
    embedding_layer = keras_nlp.layers.TokenAndPositionEmbedding(
        vocabulary_size=VOCAB_SIZE,
        sequence_length=SEQ_LEN,
        embedding_dim=EMBED_DIM,
        mask_zero=True,
    )
    x = embedding_layer(inputs)
    # Transformer decoders.
    for _ in range(NUM_LAYERS_TEST):
        decoder_layer = keras_nlp.layers.TransformerDecoder(
            num_heads=NUM_HEADS_TEST,
            intermediate_dim=FEED_FORWARD_DIM,
            layer_norm_epsilon=1e-5,
            normalize_first=True,   #normalized similarly to gpt-2
        )
        x = decoder_layer(x)  # Giving one argument only skips cross-attention.

    # Output.
    outputs_3 = keras.layers.Dense(VOCAB_SIZE)(x)
    model_3 = keras.Model(inputs=inputs, outputs=outputs_3)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
    model_3.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

    model_3.summary()

    model_3.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
num_heads_values = [4, 8, 12]
num_layers_values = [12, 24, 48]

for NUM_LAYERS_TEST in num_layers_values:
  for NUM_HEADS_TEST in num_heads_values:
    print(f"Number of Layers is {NUM_LAYERS_TEST} and Number of Heads is {NUM_HEADS_TEST}.")
    inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
    # Embedding.
    embedding_layer = keras_nlp.layers.TokenAndPositionEmbedding(
        vocabulary_size=VOCAB_SIZE,
        sequence_length=SEQ_LEN,
        embedding_dim=EMBED_DIM,
        mask_zero=True,
    )
    x = embedding_layer(inputs)
    # Transformer decoders.
    for _ in range(NUM_LAYERS_TEST):
        x = keras.layers.Dropout(rate=0.1)(x) # Added a dropout layer
        decoder_layer = keras_nlp.layers.TransformerDecoder(
            num_heads=NUM_HEADS_TEST,
            intermediate_dim=FEED_FORWARD_DIM,
            layer_norm_epsilon=1e-5,
            normalize_first=True,   #normalized similarly to gpt-2
        )
        x = decoder_layer(x)  # Giving one argument only skips cross-attention.

    # Output.
    x = keras.layers.Dropout(rate=0.1)(x) # Added a dropout layer
    outputs_4 = keras.layers.Dense(VOCAB_SIZE)(x)
    model_4 = keras.Model(inputs=inputs, outputs=outputs_4)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
    model_4.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

    model_4.summary()

    model_4.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
from keras_nlp.layers.modeling.reversible_embedding import ReversibleEmbedding
from keras_nlp.utils.keras_utils import gelu_approximate
num_heads_values = [4, 8, 12]
num_layers_values = [12, 24, 48]

for NUM_LAYERS_TEST in num_layers_values:
  for NUM_HEADS_TEST in num_heads_values:
    print(f"Number of Layers is {NUM_LAYERS_TEST} and Number of Heads is {NUM_HEADS_TEST}.")
    inputs = keras.layers.Input(shape=(None,), dtype=tf.int32)
    # Embedding.
    embedding_layer = ReversibleEmbedding(
        input_dim=VOCAB_SIZE,
        #sequence_length=SEQ_LEN,
        output_dim=EMBED_DIM, #256
        mask_zero=True,
    )
    x = embedding_layer(inputs)
    #x = keras_nlp.layers.PositionEmbedding(
     #   sequence_length=SEQ_LEN,)(embedding_L)

    # Transformer decoders.
    for _ in range(NUM_LAYERS_TEST):
        decoder_layer = keras_nlp.layers.TransformerDecoder(
            num_heads=NUM_HEADS_TEST,
            intermediate_dim=FEED_FORWARD_DIM,
            layer_norm_epsilon=1e-5,
            activation=gelu_approximate, # uses gelu activation instead of default relu activation
            normalize_first=True,   #normalized similarly to gpt-2
        )
        x = decoder_layer(x)  # Giving one argument only skips cross-attention.

    # Output.
    outputs_5 = keras.layers.Dense(VOCAB_SIZE)(x)
    model_5 = keras.Model(inputs=inputs, outputs=outputs_5)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
    model_5.compile(optimizer="adam", loss=loss_fn, metrics=[perplexity])

    model_5.summary()

    model_5.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)

# %%
preprocessor = keras_nlp.models.OPTCausalLMPreprocessor.from_preset(
    "opt_125m_en",
    sequence_length=SEQ_LEN,
)
opt_lm = keras_nlp.models.OPTCausalLM.from_preset(
    "opt_125m_en", preprocessor=preprocessor
)

# %%
opt_lm.summary()

# %%
import time
start = time.time()

output = opt_lm.generate("My trip to Yosemite was", max_length=200)
print("\nOPT output:")
print(output)

end = time.time()
print(f"TOTAL TIME ELAPSED: {end - start:.2f}s")

# %%
start = time.time()

output = opt_lm.generate("That Italian restaurant is", max_length=200)
print("\nOPT output:")
print(output)

end = time.time()
print(f"TOTAL TIME ELAPSED: {end - start:.2f}s")

# %%
learning_rate = keras.optimizers.schedules.PolynomialDecay(
    5e-5,
    decay_steps=train_ds.cardinality() * EPOCHS,
    end_learning_rate=0.0,
)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %%
perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
opt_lm.compile(
    optimizer=keras.optimizers.Adam(learning_rate),
    weighted_metrics=["accuracy"],
    loss=loss_fn,
    metrics=[perplexity],
)

# %%
#opt_lm.fit(train_ds, validation_data=val_ds, verbose=2, epochs=EPOCHS)
opt_lm.fit(raw_train_ds, validation_data=raw_val_ds, verbose=2, epochs=EPOCHS)

# %%
preprocessor = keras_nlp.models.GPT2CausalLMPreprocessor.from_preset(
    "gpt2_base_en",
    sequence_length=SEQ_LEN,
)
gpt2_lm = keras_nlp.models.GPT2CausalLM.from_preset(
    "gpt2_base_en", preprocessor=preprocessor
)

# %%
gpt2_lm.summary()

# %%
import time
start = time.time()

output = gpt2_lm.generate("My trip to Yosemite was", max_length=200)
print("\nGPT2 output:")
print(output)

end = time.time()
print(f"TOTAL TIME ELAPSED: {end - start:.2f}s")

# %%
start = time.time()

output = gpt2_lm.generate("That Italian restaurant is", max_length=200)
print("\nGPT2 output:")
print(output)

end = time.time()
print(f"TOTAL TIME ELAPSED: {end - start:.2f}s")

# %%
learning_rate = keras.optimizers.schedules.PolynomialDecay(
    5e-5,
    decay_steps=train_ds.cardinality() * EPOCHS,
    end_learning_rate=0.0,
)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %%
perplexity = keras_nlp.metrics.Perplexity(from_logits=True, mask_token_id=0)
gpt2_lm.compile(
    optimizer=keras.optimizers.Adam(learning_rate),
    weighted_metrics=["accuracy"],
    loss=loss_fn,
    metrics=[perplexity],
)

# %%
gpt2_lm.fit(raw_train_ds, validation_data=raw_val_ds, verbose=2, epochs=EPOCHS)
