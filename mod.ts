/**
 * Checkpoint surgery for tiny-attention adapters: graft an adapter into a safetensors checkpoint,
 * merge its heads, check that accuracy held, on WebGPU or on a plain reference.
 *
 * @example Average an adapter's heads, and see what that costs
 * ```ts
 * import { checkMerge, execute, openAdapter, planMerge } from "tinygraft";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const merge = await planMerge(adapter, `${folder}/one-head`, { method: "average" });
 * assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [4, 1, false]);
 * await execute(merge.plan);
 *
 * const result = await checkMerge({
 *   base: "fixtures/mini/encoder",
 *   before: "fixtures/mini/adapter",
 *   after: `${folder}/one-head`,
 *   data: "fixtures/mini/data/dev.tsv",
 *   device: "reference",
 *   limit: 8,
 *   maxDrop: 0.01,
 * });
 * assertEquals(result.examples, 8);
 * assert(result.maxLogitDifference > 0);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @module
 */

export * from "./lib/errors.ts";
export { VERSION } from "./lib/version.ts";

// Tensors and the safetensors format.
export { type ByteSource, MemorySource } from "./lib/tensor/byte_source.ts";
export { decodeFloats, decodeFloats64, encodeFloats } from "./lib/tensor/decode.ts";
export { type Dtype, DTYPES, type FloatDtype, isDtype, isFloatDtype } from "./lib/tensor/dtype.ts";
export { type CastTally, TensorCast } from "./lib/tensor/cast.ts";
export {
  CAST_DTYPES,
  CAST_FLOATS,
  CAST_INTEGERS,
  type CastDtype,
  type CastFloat,
  type CastInteger,
  type FloatRange,
} from "./lib/tensor/cast_dtypes.ts";
export {
  decodeFloat8,
  encodeFloat8,
  type Float8Dtype,
  isFloat8,
  type SignedFloat8,
} from "./lib/tensor/float8.ts";
export {
  bfloat16ToFloats,
  floatsToBfloat16,
  floatsToHalf,
  halfToFloats,
} from "./lib/tensor/half.ts";
export { type NumberReader, numberReader, type NumericDtype } from "./lib/tensor/numbers.ts";
export { type BitDifference, compareBits } from "./lib/tensor/ulp.ts";
export { type DifferenceTolerance, type ValueDifference } from "./lib/tensor/difference.ts";
export {
  elementCount,
  formatShape,
  tensorByteLength,
  type TensorInfo,
} from "./lib/tensor/shape.ts";
export { denseStrides } from "./lib/tensor/strided.ts";
export {
  type Finding,
  type Header,
  type HeaderTensor,
  MAX_HEADER_BYTES,
  WARNING_CODES,
  type WarningCode,
} from "./lib/safetensors/header.ts";
export {
  checkSource,
  readHeader,
  type ReadOptions,
  type SourceReport,
} from "./lib/safetensors/reader.ts";
export { type JsonValue, parseJsonStrict } from "./lib/safetensors/json.ts";
export {
  compareUtf8,
  type FileLayout,
  layoutFile,
  serialize,
  type TensorSpec,
} from "./lib/safetensors/writer.ts";
export {
  formatShardIndex,
  isSafeFileName,
  parseShardIndex,
  type ShardIndex,
} from "./lib/safetensors/shard_index.ts";

// Models and text.
export {
  type Architecture,
  type ClassificationHead,
  type ConfigKey,
  type DimensionName,
  type EmbeddingPaths,
  type HeadActivation,
  type HeadDense,
  type LayerPaths,
  type MaskedLmHead,
  type SizeName,
  type WeightTemplate,
} from "./lib/model/architecture.ts";
export { type EncoderConfig, type HiddenAct, parseEncoderConfig } from "./lib/model/config.ts";
export { type HeadTask, readHeadTask } from "./lib/model/head_task.ts";
export { ARCHITECTURES } from "./lib/model/registry.ts";
export {
  checkModel,
  type ModelFinding,
  type ResolvedModel,
  resolveModel,
} from "./lib/model/resolve.ts";
export { type ColumnNames } from "./lib/text/columns.ts";
export { type Cloze, createCloze, verbalizerTokens } from "./lib/text/cloze.ts";
export {
  type ClozePattern,
  type ClozePiece,
  type ClozeSection,
  parseClozePattern,
} from "./lib/text/cloze_pattern.ts";
export { type MaskToken } from "./lib/text/mask.ts";
export { createTokenizer, type Encoding, type Tokenizer } from "./lib/text/tokenizer.ts";
export { type DatasetOptions, parseDataset, type Row } from "./lib/text/dataset.ts";
export { type ParquetOptions, readParquet } from "./lib/text/parquet.ts";
export { labelIndices, type LabelOptions, labelValues } from "./lib/text/labels.ts";
export { taskOfDataset } from "./lib/text/dataset_tasks.ts";
export { findTask, type Metric, type Task, type TaskColumns, TASKS } from "./lib/text/tasks.ts";

// Servers.
export { type HubAddress, isRemote } from "./lib/remote/address.ts";
export { RemoteAccess, type RemoteFolder } from "./lib/remote/access.ts";
export { type RemoteOptions } from "./lib/remote/client.ts";
export { HttpSource } from "./lib/remote/http_source.ts";
export { pull, type PulledFile, type PullOptions, type PullResult } from "./lib/hub/pull.ts";
export {
  isDatasetAddress,
  type PreferredSplit,
  pullDataset,
  type PullDatasetOptions,
} from "./lib/hub/pull_dataset.ts";
export { type TransferProgress } from "./lib/hub/pulled_set.ts";
export { type Selection } from "./lib/hub/select.ts";
export { push, type PushedFile, type PushOptions, type PushResult } from "./lib/hub/push.ts";
export { type HubFile, type HubListing } from "./lib/remote/hub_listing.ts";
export { type HubContent, type LocalFile } from "./lib/hub/push_files.ts";
export { type HubOrigin, hubOrigin, pushPlan, type PushPlanOptions } from "./lib/hub/push_plan.ts";
export { writeCard } from "./lib/hub/card.ts";
export { type CardFacts } from "./lib/hub/card_facts.ts";
export { type CheckFacts, readCheck } from "./lib/hub/card_check.ts";

// Checkpoints: opening, planning, writing.
export { type OpenFile, type Place, type PlaceOptions } from "./lib/checkpoint/place.ts";
export { FileSource } from "./lib/checkpoint/sources.ts";
export {
  type Checkpoint,
  type CheckpointFile,
  openCheckpoint,
  type OpenOptions,
  readFloats,
  readTensor,
  type TensorEntry,
} from "./lib/checkpoint/open.ts";
export {
  type ForeignCheckpoint,
  type ForeignOptions,
  openForeign,
} from "./lib/checkpoint/foreign.ts";
export { type OpenModel, openModel } from "./lib/checkpoint/open_model.ts";
export { contentHash, fileHash, type HashOptions } from "./lib/checkpoint/hash.ts";
export { type StatsOptions, type TensorStats, tensorStats } from "./lib/checkpoint/stats.ts";
export {
  type CheckpointDifference,
  diffCheckpoints,
  type DiffOptions,
  type TensorChange,
  type TensorSide,
} from "./lib/checkpoint/diff.ts";
export { type MetadataChange, type MetadataDifference } from "./lib/checkpoint/diff_metadata.ts";
export {
  describePlan,
  type FileDescription,
  type Plan,
  type PlanDescription,
  type PlannedFile,
  type TensorDescription,
  type TensorStep,
} from "./lib/checkpoint/plan.ts";
export { type CastReport } from "./lib/checkpoint/cast_step.ts";
export { type ConvertOptions, type ConvertResult, planConvert } from "./lib/checkpoint/convert.ts";
export {
  type ConvertInput,
  type ConvertInputOptions,
  openConvertInput,
} from "./lib/checkpoint/open_input.ts";
export { parseShardSize } from "./lib/checkpoint/shards.ts";
export { renameTensors, type Renaming } from "./lib/checkpoint/tensor_names.ts";
export { checkOutput, type OutputOptions } from "./lib/checkpoint/output.ts";
export { execute, type ExecuteOptions, type WrittenFile } from "./lib/checkpoint/execute.ts";
export { type FileFindings, validateLocation } from "./lib/checkpoint/validate.ts";

// Adapters.
export {
  type AdapterConfig,
  type AdapterTask,
  formatAdapterConfig,
  headsOfLayer,
  type MergedFrom,
  parseAdapterConfig,
} from "./lib/adapter/config.ts";
export {
  type AdapterDimension,
  adapterTensors,
  type AdapterTensorSpec,
  type AdapterTensorTemplate,
  type InitRule,
} from "./lib/adapter/tensors.ts";
export {
  type Adapter,
  checkFits,
  openAdapter,
  type OpenAdapterOptions,
} from "./lib/adapter/open.ts";
export {
  DEFAULT_PLACEMENT,
  findPlacement,
  type Placement,
  PLACEMENT_NAMES,
  type PlacementFacts,
  PLACEMENTS,
} from "./lib/adapter/placement.ts";
export { baseContentHash } from "./lib/adapter/embedded.ts";
export { type AdapterSource, type FreshAdapter } from "./lib/adapter/plan.ts";
export { initAdapter, type InitOptions, type InitResult, planInit } from "./lib/adapter/init.ts";
export { type InjectOptions, type InjectResult, planInject } from "./lib/adapter/inject.ts";
export { planExtract, planStrip } from "./lib/adapter/extract.ts";
export {
  type InspectedAdapter,
  type InspectedArchitecture,
  type InspectedFile,
  type InspectedTensor,
  type Inspection,
  inspectLocation,
  type InspectOptions,
} from "./lib/adapter/inspect.ts";
export { openWeights } from "./lib/adapter/weights.ts";
export { validateAdapter } from "./lib/adapter/validate.ts";

// Merging.
export {
  adviseMerge,
  type BaseSizes,
  type BestAdapter,
  computeShare,
  type MeasuredDrop,
  type MergeEvidence,
} from "./lib/merge/advice.ts";
export { alignHeads, type AlignReference, headSpread } from "./lib/merge/align.ts";
export { alignedHeads } from "./lib/merge/aligned.ts";
export { averageHeads } from "./lib/merge/average.ts";
export { clusterHeads, type WeightSimilarity, weightSimilarity } from "./lib/merge/cluster.ts";
export { foldLayer } from "./lib/merge/fold.ts";
export { headOutputs, type LayerInputs, layerUpdate } from "./lib/merge/forward.ts";
export { gaussianInputs, headSimilarity, relativeError } from "./lib/merge/compare.ts";
export { centreLayer, type Head, type HeadGroups, splitHeads } from "./lib/merge/heads.ts";
export { type LayerModule, readLayer } from "./lib/merge/layer.ts";
export { type FactorPair } from "./lib/merge/linear_algebra.ts";
export {
  type AnyMergeMethod,
  MERGE_METHODS,
  type MergeMethod,
  TEXT_METHODS,
} from "./lib/merge/method_names.ts";
export { type LayerMerge, mergeLayer, type MergeLayerOptions } from "./lib/merge/methods.ts";
export {
  type AdapterArrays,
  type AdapterMerge,
  type MergedLayers,
  type MergeOptions,
  planLayers,
  planMerge,
  readArrays,
} from "./lib/merge/merge_adapter.ts";
export { productHeads } from "./lib/merge/product.ts";
export { headNotes } from "./lib/merge/head_notes.ts";
export { type HeadRanks } from "./lib/merge/ranks.ts";
export { type LayerReport } from "./lib/merge/report.ts";
export { planSoup, type SoupOptions } from "./lib/merge/soup_adapters.ts";

// Adapters in other layouts.
export { type BaseStatement } from "./lib/layouts/base_facts.ts";
export {
  type BodyKind,
  type BodyValues,
  canonicalModule,
  layOutModule,
  type ModuleSizes,
} from "./lib/layouts/bodies.ts";
export { type TaskStatement } from "./lib/layouts/classifier.ts";
export { type AdapterExport, type ExportOptions, planExport } from "./lib/layouts/export.ts";
export { type HeadStatement } from "./lib/layouts/head_count.ts";
export { type AdapterImport, type ImportOptions, planImport } from "./lib/layouts/import.ts";
export { type Layout, LAYOUTS } from "./lib/layouts/layout_names.ts";
export { joinMixture, type MixtureGap, mixtureGap } from "./lib/layouts/mixture.ts";
export {
  planPython,
  PYTHON_FILE,
  pythonFiles,
  type PythonOptions,
} from "./lib/layouts/python/export.ts";
export { type SiteOptions } from "./lib/layouts/sites.ts";
export { type AdapterDtype } from "./lib/layouts/values.ts";

// Running.
export { type Backend, type BatchSize, type Waited } from "./lib/compute/backend.ts";
export { type DeviceName, openBackend, type OpenBackendOptions } from "./lib/compute/open.ts";
export { type TuningCache } from "./lib/compute/webgpu/tune.ts";
export { type ElementType } from "./lib/compute/webgpu/matrix.ts";
export { type BackwardOp, type ForwardOp, type Op } from "./lib/compute/ops/op.ts";
export { type AttentionDropout } from "./lib/compute/ops/attention/dropout.ts";
export { type ActivationOp, type ElementFunction } from "./lib/compute/ops/activation/op.ts";
export { type AddOp } from "./lib/compute/ops/add/op.ts";
export { type AttentionBackwardOp } from "./lib/compute/ops/attention_backward/op.ts";
export { type LayerNormBackwardOp } from "./lib/compute/ops/layer_norm_backward/op.ts";
export { type LayerNormGradientOp } from "./lib/compute/ops/layer_norm_gradient/op.ts";
export { type LinearGradientOp } from "./lib/compute/ops/linear_gradient/op.ts";
export { type MultiplyOp } from "./lib/compute/ops/multiply/op.ts";
export { type ScatterOp } from "./lib/compute/ops/scatter/op.ts";
export { type AttentionOp } from "./lib/compute/ops/attention/op.ts";
export { type SelectOp } from "./lib/compute/ops/select/op.ts";
export { type LayerNormOp } from "./lib/compute/ops/layer_norm/op.ts";
export { type Activation, type LinearOp } from "./lib/compute/ops/linear/op.ts";
export { type TinyAttentionOp } from "./lib/compute/ops/tiny_attention/op.ts";
export { type RaggedBatch, type RowsFollow, type Value, type Weight } from "./lib/compute/value.ts";
export { type BatchLimits, packBatches, type PackedBatch } from "./lib/runtime/batch.ts";
export {
  type AdapterWeights,
  type EmbeddingTable,
  type EncoderWeights,
  type HeadWeights,
  type LayerWeights,
  loadAdapter,
  loadEncoder,
  loadModules,
  type TinyAttentionWeights,
  type TransformWeights,
  type WeightAndBias,
} from "./lib/runtime/load.ts";
export {
  loadClassificationHead,
  loadMaskedLmHead,
  loadTransposedHead,
} from "./lib/runtime/load_head.ts";
export { Encoder, type StageObserver } from "./lib/runtime/encoder.ts";
export { EncoderLayers } from "./lib/runtime/layers.ts";
export {
  loadTransposed,
  type TransposedAttention,
  type TransposedFeedForward,
  type TransposedLayer,
} from "./lib/runtime/transposed.ts";
export {
  freeTrainingModule,
  type ModuleArrays,
  placeTrainingModule,
  type TrainingModule,
} from "./lib/runtime/training_module.ts";
export {
  type PassModules,
  TrainingPass,
  type TrainingPassOptions,
} from "./lib/runtime/training_pass.ts";
export {
  FrozenHead,
  type FrozenHeadOptions,
  type TransposedHead,
} from "./lib/runtime/training_head.ts";
export {
  type ClassifyOptions,
  classifyRows,
  type Logits,
  type RunTimings,
} from "./lib/runtime/classify.ts";

// Merging on text.
export {
  type CalibratedLayer,
  type CalibratedMerge,
  type CalibratedOptions,
  calibrateMerge,
} from "./lib/calibrate/merge.ts";
export { type MeasuredLayer, measureMerge } from "./lib/calibrate/measure.ts";
export { type CalibrationText } from "./lib/calibrate/text_run.ts";

// Evaluating.
export {
  accuracy,
  argmax,
  type ClassPredictions,
  computeMetric,
  f1,
  matthews,
  pearson,
  type Predictions,
  spearman,
  type ValuePredictions,
} from "./lib/eval/metrics.ts";
export {
  type BootstrapOptions,
  type McNemar,
  mcnemar,
  pairedBootstrap,
} from "./lib/eval/significance.ts";
export {
  type CompareOptions,
  compareOutputs,
  type Comparison,
  type MetricValues,
  type Outputs,
  type Significance,
} from "./lib/eval/compare.ts";
export { openSession, type Session, type SessionOptions } from "./lib/eval/session.ts";
export { type ClozeChoice, type HeadChoice } from "./lib/eval/head.ts";
export { type DataFileOptions, readDataFile } from "./lib/eval/data_file.ts";
export { type DataOptions, type DataRows } from "./lib/eval/rows.ts";
export { type RowsRun, type RunOptions, runRows } from "./lib/eval/run.ts";
export { type PrecisionError } from "./lib/eval/precision.ts";
export {
  type EvidenceOptions,
  type MeasuredMerge,
  type MeasuredOutputs,
  type MeasuredRows,
} from "./lib/eval/measured_merge.ts";
export {
  type CheckedMerge,
  checkedMerge,
  type CheckedMergeOptions,
  type FittedModules,
  type RefineModules,
} from "./lib/eval/merge_check.ts";
export {
  type CheckedSoup,
  checkedSoup,
  type CheckedSoupOptions,
  type GreedySoup,
  greedySoup,
  type GreedySoupOptions,
  type GreedyStep,
  type Ingredient,
  type MeasuredSoup,
  type SoupEvidenceOptions,
} from "./lib/eval/soup_check.ts";
export { type TextOrigin } from "./lib/eval/text_rows.ts";
export {
  checkMerge,
  type CheckOptions,
  type CheckPrediction,
  type CheckResult,
  checkShard,
  type CheckShardOptions,
  type CheckShardResult,
  type CheckTimings,
  combineChecks,
  type CombineOptions,
  type PredictionsFile,
  type RowOutput,
  type RunFacts,
} from "./lib/eval/check.ts";
export { type Baseline, parseBaseline } from "./lib/eval/baseline.ts";
export { type CheckCache } from "./lib/eval/check_cache.ts";
export { type CheckInputs } from "./lib/eval/check_inputs.ts";
export { type CheckFailure, type CheckLimits } from "./lib/eval/check_limits.ts";
export { type CheckRecord, type CheckSettings } from "./lib/eval/check_record.ts";
export { type CheckRunOptions } from "./lib/eval/check_run.ts";
export { parseShard, type Shard } from "./lib/eval/shards.ts";
export {
  type Prediction,
  type PredictOptions,
  type PredictResult,
  predictRows,
} from "./lib/eval/predict.ts";

// Training.
export {
  type ClassCount,
  type ClassifierTask,
  type CloneOptions,
  type ClozeLoss,
  type Consistency,
  type EvaluatingEvent,
  type EvaluationEvent,
  type EvaluationRecord,
  type NewAdapter,
  type Recipe,
  type Schedule,
  type StartEvent,
  type StepEvent,
  type StepRecord,
  type TrainEvent,
  TRAINING_DEFAULTS,
  type TrainingQuestion,
  type TrainingSettings,
  type TrainOptions,
  type TrainResult,
} from "./lib/train/options.ts";
export {
  type ClassifierSources,
  countClasses,
  describeClasses,
  describeImbalance,
  resolveClassifier,
} from "./lib/train/labels.ts";
export { planTraining, type TrainingPlan } from "./lib/train/plan.ts";
export { planTorchExport } from "./lib/train/torch/export.ts";
export { AdamW, clipGradients, type Moments, type Parameter } from "./lib/train/optimizer.ts";
export { type StepOptions } from "./lib/train/optimizer.ts";
export { learningRateAt, type ScheduleOptions } from "./lib/train/schedule.ts";
export {
  crossEntropy,
  divergence,
  type Loss,
  type LossShape,
  type PairLoss,
  squaredDifference,
  squaredError,
  symmetricDivergence,
} from "./lib/train/loss.ts";
export { train } from "./lib/train/train.ts";
export { type EncoderParts } from "./lib/train/step.ts";
export { dropoutKeys, type DropoutPlace } from "./lib/train/random.ts";
export {
  DISTIL_DEFAULTS,
  type DistilInput,
  type DistilledModules,
  distilModules,
  type DistilOptions,
  type DistilRecord,
  type DistilSettings,
} from "./lib/train/distil.ts";
export {
  type DistilledMerge,
  distilledMerge,
  type DistilledMergeOptions,
} from "./lib/train/distilled_merge.ts";

// Reports.
export { type CheckedLayer, compareLayers } from "./lib/report/check_layers.ts";
export { type CheckReportData, renderCheckReport } from "./lib/report/check_report.ts";
export { type MetricIntervals, metricIntervals } from "./lib/report/intervals.ts";
export {
  type MergeMeasurements,
  type MergeReportData,
  type MergeSource,
  renderMergeReport,
} from "./lib/report/merge_report.ts";
export { type BeforeAfter, type RunDetails } from "./lib/report/run_details.ts";
export {
  renderTrainingReport,
  type TrainingEvaluation,
  type TrainingReportData,
  type TrainingRun,
  type TrainingStep,
} from "./lib/report/training_report.ts";

// Gates of continuous integration.
export { annotate, renderAnnotations } from "./lib/gate/annotations.ts";
export { renderJunit } from "./lib/gate/junit.ts";
export {
  type GateFailure,
  type GateFailureCode,
  type GateLocation,
  type GateOutcome,
} from "./lib/gate/outcome.ts";
export { renderSarif } from "./lib/gate/sarif.ts";
export {
  parseSuite,
  readSuite,
  type Suite,
  type SuiteCheck,
  suiteError,
  type SuiteFault,
} from "./lib/gate/suite.ts";
export { SUITE_KEYS, type SuiteKey, type SuiteValue } from "./lib/gate/suite_keys.ts";
export { type JsonSchema, suiteSchema } from "./lib/gate/suite_schema.ts";
export { renderSummary } from "./lib/gate/summary.ts";
