"""The table of architectures (the model zoo): one row each.

To add one, write its file beside the others and its row here; the tests read this table.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import nn

from models import (
    alexnet,
    attention_rnn,
    autoencoder,
    bilstm,
    birnn,
    cnn,
    conv_autoencoder,
    convnext,
    dcgan,
    decision_tree,
    densenet,
    elman,
    esn,
    gan,
    gaussian,
    gaussian_mixture,
    googlenet,
    gradient_boosting,
    gru,
    hierarchical_rnn,
    isolation_forest,
    jordan,
    lenet5,
    linear_regression,
    logistic_regression,
    lstm,
    mlp,
    patch_transformer,
    pca,
    periodic_mlp,
    pixel_logistic_regression,
    random_forest,
    resnet,
    rnn,
    rocket,
    tabm,
    tcn,
    transformer,
    unet,
    vae,
    vgg,
)
from models.blocks.hyperparameters import Hyperparameters
from models.stems import InputType

# The shape of one example, by what a network reads: F features; C channels, H height, W width; T steps of F features
INPUT_SHAPES: dict[InputType, tuple[str, ...]] = {
    "vector": ("F",),
    "image": ("C", "H", "W"),
    "sequence": ("T", "F"),
}


# (B, O): outputs; (B, O, H, W): outputs for every pixel; (B, 1): an anomaly score and nothing else
OutputType = Literal["vector", "image", "score"]

# What outputs stand for; a class for each pixel; the inputs themselves, or what is behind their noise; new examples
Prediction = Literal["classes", "numbers", "pixel classes", "reconstructions", "anomaly scores", "examples"]


class Architecture(NamedTuple):
    """A kind of network: its settings, how to build it, what it reads and gives, and how it is trained."""

    config: type[Hyperparameters]
    network_factory: Callable[[Any, tuple[int, ...], int], nn.Module]  # (config, input shape, outputs)
    input_type: InputType
    learner: Literal["gradient", "adversarial", "closed_form"]
    output_type: OutputType = "vector"
    predicts: tuple[Prediction, ...] = ("classes", "numbers")
    uses_seed: bool = True  # whether two seeds give two networks; else one training says it all


ARCHITECTURES: dict[str, Architecture] = {
    # classical baselines
    "logistic_regression": Architecture(  # softmax of linear scores; Cox 1958
        logistic_regression.Config,
        logistic_regression.LogisticRegression,
        "vector",
        "closed_form",
        predicts=("classes",),
        uses_seed=False,
    ),
    "decision_tree": Architecture(  # splits on thresholds of single inputs; Breiman et al. 1984
        decision_tree.Config, decision_tree.DecisionTree, "vector", "closed_form"
    ),
    "random_forest": Architecture(  # mean of trees grown on random rows and inputs; Breiman 2001
        random_forest.Config, random_forest.RandomForest, "vector", "closed_form"
    ),
    "gradient_boosting": Architecture(  # additive ensemble of trees; Friedman 2001, Ke et al. 2017
        gradient_boosting.Config, gradient_boosting.GradientBoosting, "vector", "closed_form"
    ),
    "linear_regression": Architecture(  # ridge regression; Hoerl & Kennard 1970
        linear_regression.Config,
        linear_regression.LinearRegression,
        "vector",
        "closed_form",
        predicts=("numbers",),
        uses_seed=False,
    ),
    "pixel_logistic_regression": Architecture(  # logistic regression on each pixel's neighbourhood; Cox 1958
        pixel_logistic_regression.Config,
        pixel_logistic_regression.PixelLogisticRegression,
        "image",
        "closed_form",
        "image",
        predicts=("pixel classes",),
    ),
    "pca": Architecture(  # principal components; Pearson 1901
        pca.Config, pca.PCA, "vector", "closed_form", predicts=("reconstructions",), uses_seed=False
    ),
    "gaussian": Architecture(  # low-rank multivariate normal; Tipping & Bishop 1999
        gaussian.Config, gaussian.Gaussian, "vector", "closed_form", predicts=("examples",), uses_seed=False
    ),
    "gaussian_mixture": Architecture(  # several multivariate normals, by expectation maximisation; Dempster 1977
        gaussian_mixture.Config, gaussian_mixture.GaussianMixture, "vector", "closed_form", predicts=("examples",)
    ),
    "isolation_forest": Architecture(  # random cuts that set an example apart; Liu et al. 2008
        isolation_forest.Config,
        isolation_forest.IsolationForest,
        "vector",
        "closed_form",
        "score",
        predicts=("anomaly scores",),
    ),
    # dense
    "mlp": Architecture(  # fully connected layers; Rumelhart et al. 1986
        mlp.Config, mlp.MLP, "vector", "gradient"
    ),
    "periodic_mlp": Architecture(  # the same on periodic embeddings of numbers, for tables; Gorishniy et al. 2022
        periodic_mlp.Config, periodic_mlp.PeriodicMLP, "vector", "gradient"
    ),
    "tabm": Architecture(  # many of them in one, which share weights, for tables; Gorishniy et al. 2025
        tabm.Config, tabm.TabM, "vector", "gradient"
    ),
    # convolutional
    "lenet5": Architecture(  # two convolutions with subsampling, dense layers; LeCun et al. 1998
        lenet5.Config, lenet5.LeNet5, "image", "gradient"
    ),
    "cnn": Architecture(  # 3x3 convolutions, global average pooling; Springenberg et al. 2015
        cnn.Config, cnn.CNN, "image", "gradient"
    ),
    "alexnet": Architecture(  # five convolutions, wide dense layers, dropout; Krizhevsky et al. 2012
        alexnet.Config, alexnet.AlexNet, "image", "gradient"
    ),
    "vgg": Architecture(  # a plain stack of 3x3 convolutions; Simonyan & Zisserman 2015
        vgg.Config, vgg.VGG, "image", "gradient"
    ),
    "googlenet": Architecture(  # parallel filters of several sizes, auxiliary heads in training; Szegedy et al. 2015
        googlenet.Config, googlenet.GoogLeNet, "image", "gradient"
    ),
    "resnet": Architecture(  # residual blocks with identity shortcuts; He et al. 2016
        resnet.Config, resnet.ResNet, "image", "gradient"
    ),
    "densenet": Architecture(  # every layer reads all before it; Huang et al. 2017
        densenet.Config, densenet.DenseNet, "image", "gradient"
    ),
    "convnext": Architecture(  # large depthwise filters, dense layers per pixel; Liu et al. 2022
        convnext.Config, convnext.ConvNeXt, "image", "gradient"
    ),
    "unet": Architecture(  # encoder and decoder with skip connections; Ronneberger et al. 2015
        unet.Config, unet.UNet, "image", "gradient", "image", predicts=("pixel classes",)
    ),
    # recurrent
    "rnn": Architecture(  # recurrent network, back-propagation through all steps; Rumelhart et al. 1986
        rnn.Config, rnn.RNN, "sequence", "gradient"
    ),
    "elman": Architecture(  # context units copy the hidden units, without gradient; Elman 1990
        elman.Config, elman.Elman, "sequence", "gradient"
    ),
    "jordan": Architecture(  # state units hold the last outputs; Jordan 1986
        jordan.Config, jordan.Jordan, "sequence", "gradient"
    ),
    "lstm": Architecture(  # gated recurrent network; Hochreiter & Schmidhuber 1997
        lstm.Config, lstm.LSTM, "sequence", "gradient"
    ),
    "gru": Architecture(  # gated recurrent units, without a cell state; Cho et al. 2014
        gru.Config, gru.GRU, "sequence", "gradient"
    ),
    "birnn": Architecture(  # recurrent layers from either end; Schuster & Paliwal 1997
        birnn.Config, birnn.BiRNN, "sequence", "gradient"
    ),
    "bilstm": Architecture(  # LSTM layers from either end; Graves & Schmidhuber 2005
        bilstm.Config, bilstm.BiLSTM, "sequence", "gradient"
    ),
    "attention_rnn": Architecture(  # recurrent encoder and decoder, attention between them; Bahdanau et al. 2015
        attention_rnn.Config, attention_rnn.AttentionRNN, "sequence", "gradient"
    ),
    "hierarchical_rnn": Architecture(  # steps to segments, segments to the whole, each with attention; Yang et al. 2016
        hierarchical_rnn.Config, hierarchical_rnn.HierarchicalRNN, "sequence", "gradient"
    ),
    "esn": Architecture(  # fixed random recurrent reservoir, ridge readout; Jaeger 2001
        esn.Config, esn.ESN, "sequence", "closed_form"
    ),
    # convolutions over time
    "tcn": Architecture(  # dilated causal convolutions, or filters over words; Bai et al. 2018, Kim 2014
        tcn.Config, tcn.TCN, "sequence", "gradient"
    ),
    "rocket": Architecture(  # random convolutions, ridge readout; Dempster et al. 2020
        rocket.Config, rocket.ROCKET, "sequence", "closed_form"
    ),
    # attention
    "transformer": Architecture(  # encoder of self-attention layers; Vaswani et al. 2017
        transformer.Config, transformer.Transformer, "sequence", "gradient"
    ),
    "patch_transformer": Architecture(  # the same over patches of images and series; Dosovitskiy 2021, Nie 2023
        patch_transformer.Config, patch_transformer.PatchTransformer, "image", "gradient"
    ),
    # autoencoders
    "autoencoder": Architecture(  # dense encoder and decoder; Hinton & Salakhutdinov 2006
        autoencoder.Config, autoencoder.Autoencoder, "vector", "gradient", predicts=("reconstructions",)
    ),
    "conv_autoencoder": Architecture(  # convolutional encoder and decoder; Masci et al. 2011
        conv_autoencoder.Config,
        conv_autoencoder.ConvAutoencoder,
        "image",
        "gradient",
        "image",
        predicts=("reconstructions",),
    ),
    # generators
    "vae": Architecture(  # latent Gaussian, trained on the ELBO; Kingma & Welling 2014
        vae.Config, vae.VAE, "vector", "gradient", predicts=("examples",)
    ),
    "gan": Architecture(  # generator against discriminator; Goodfellow et al. 2014
        gan.Config, gan.GAN, "vector", "adversarial", predicts=("examples",)
    ),
    "dcgan": Architecture(  # the same of convolutions, for square images; Radford et al. 2016
        dcgan.Config, dcgan.DCGAN, "vector", "adversarial", predicts=("examples",)
    ),
}


def build_network(name: str, config: Hyperparameters, input_shape: tuple[int, ...], head_width: int) -> nn.Module:
    """Build a network by name; initial weights come from PyTorch's global generator: seed it first.

    Args:
        name: a key of ARCHITECTURES.
        config: the settings, an instance of that architecture's Config.
        input_shape: of one example, without the batch: (F,), (C, H, W) or (T, F).
        head_width: number of outputs.

    Raises:
        ValueError: if the name is unknown, the config another architecture's, or the shape not one it can read.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}: use one of {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    if not isinstance(config, architecture.config):
        found = f"{type(config).__module__}.{type(config).__name__}"
        raise ValueError(f"{name} needs its own settings, {architecture.config.__module__}.Config, got {found}")
    axes = INPUT_SHAPES[architecture.input_type]
    if len(input_shape) != len(axes) or min(input_shape) < 1:
        raise ValueError(
            f"{name} reads one {architecture.input_type} ({', '.join(axes)}) with all sizes 1 or more, got "
            f"{input_shape}"
        )
    if head_width < 1:
        raise ValueError(f"{name} needs 1 output or more, got {head_width}")
    return architecture.network_factory(config, input_shape, head_width)
