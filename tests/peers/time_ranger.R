# Times one forest of ranger for forest_speed.py: time_ranger.R DATA_DIR ROWS TREES (ROWS 0: all)
suppressMessages(library(ranger))
words <- commandArgs(trailingOnly = TRUE)
rows <- as.integer(words[2])
table <- read.csv(gzfile(file.path(words[1], "forest-cover", "covtype.data.gz")), header = FALSE,
                  nrows = if (rows == 0) -1 else rows)
names(table)[55] <- "label"
table$label <- factor(table$label)
start <- proc.time()
model <- ranger(label ~ ., data = table, num.trees = as.integer(words[3]), mtry = 7, num.threads = 1,
                min.node.size = 1, probability = TRUE, seed = 1)
spent <- proc.time() - start
cat(sprintf('{"fit": %f}\n', spent[["user.self"]] + spent[["sys.self"]]))
